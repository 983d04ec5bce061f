#include "worker/apps/http_reply.h"

#include "shared/one_answer.h"
#include "worker/json_text.h"

#include <new>
#include <nlohmann/json.hpp>
#include <string>

namespace mr {

using nlohmann::ordered_json;

namespace {

constexpr size_t kTraceparentChars = 55;

// Nothing is in flight behind it, as behind the event it follows.
void add(OutLane& lane, const Askers& askers, uint16_t status, uint16_t retry_after_s,
         const ordered_json& body, uint8_t flags) {
    const std::string text = to_text(body);
    for (const uint64_t asker : askers) {
        Buffer bytes;
        if (!encode_one_answer(bytes, {asker, status, retry_after_s, as_bytes(text)})) {
            throw std::bad_alloc();
        }
        lane.add(static_cast<uint8_t>(flags | kEventAnswer | kEventV2Only), bytes.view());
    }
}

} // namespace

void reply_with_turn(OutLane& lane, const Askers& askers, const ReplyNames& names,
                     const ordered_json& shown) {
    if (askers.empty()) {
        return;
    }
    const auto field = [&shown](const char* name, ordered_json absent) {
        return shown.value(name, std::move(absent));
    };
    ordered_json body;
    body["response"] = field("content", "");
    body["sources"] = field("sources", ordered_json::array());
    body["phases"] = field("phases", ordered_json::array());
    body["tools"] = field("tools", ordered_json::array());
    body["session_id"] = names.session_id;
    body["turn_id"] = names.turn_id;
    body["usage"] = field("usage", nullptr);
    body["timings"] = field("timings", ordered_json::object());
    body["status"] = names.status;
    body["charts"] = field("charts", ordered_json::array());
    body["trace_id"] = field("trace_id", "");
    add(lane, askers, 200, 0, body, kEventTerminal);
}

void reply_with_error(OutLane& lane, const Askers& askers, ErrorCode code, std::string_view message,
                      std::string_view trace_id, uint8_t flags) {
    if (askers.empty()) {
        return;
    }
    ordered_json error;
    error["code"] = error_text(code).name;
    error["message"] = message.empty() ? error_text(code).message : message;
    error["trace_id"] = trace_id;
    ordered_json body;
    body["error"] = std::move(error);
    add(lane, askers, http_status(code), http_retry_after_s(code), body, flags);
}

std::string_view trace_id_of(std::string_view traceparent) {
    return traceparent.size() >= kTraceparentChars ? traceparent.substr(3, 32) : std::string_view();
}

} // namespace mr

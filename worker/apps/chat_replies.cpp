// What a chat session answers without a turn.
#include "worker/apps/chat_session.h"
#include "worker/apps/event_text.h"

namespace mr {

using nlohmann::ordered_json;

void ChatSession::reply(ordered_json v1, const ordered_json& added, bool v2_only) {
    const EventStamp stamp{"", session_.lane->next_id(), wall_clock_ms()};
    EventText event = make_event(v1, added, stamp);
    int flags = quiet() ? kEventTerminal : 0;
    if (v2_only) {
        flags |= kEventV2Only;
        event.v1_length = 0;
    }
    unsettled_ = !quiet();
    session_.lane->add(static_cast<uint8_t>(flags), as_bytes(event.json), event.v1_length);
}

void ChatSession::refuse(const MailItem& item, ErrorCode code, const std::string& message_id,
                         const std::string& stream_id) {
    ordered_json added = error_added(code);
    if (!stream_id.empty()) {
        added["stream_id"] = stream_id;
    }
    if (!message_id.empty()) {
        added["message_id"] = message_id;
    }
    reply(error_v1(code), added, false);
    if (wants_answer(item)) {
        reply_with_error(*session_.lane, {item.connection}, code, "", trace_id_of(item.traceparent),
                         quiet() ? kEventTerminal : uint8_t{0});
    }
    session_.consume(item);
}

// The gateway takes a session for busy until an event says that nothing is in flight behind it. If
// mail was dealt with silently, or beside a running turn, one more event says so.
void ChatSession::settle() {
    if (unsettled_) {
        ordered_json v1;
        v1["type"] = "idle";
        reply(std::move(v1), ordered_json(), true);
    }
}

} // namespace mr

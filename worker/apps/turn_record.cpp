#include "worker/apps/turn_record.h"

#include "worker/apps/event_text.h"
#include "worker/json_text.h"
#include "worker/random.h"

namespace mr {
namespace {
constexpr int kRecordVersion = 1;
constexpr size_t kRestBytes = 128;       // of a record, as a rule: what is neither front nor state
constexpr size_t kTraceparentChars = 55; // version-traceid-parentid-flags
} // namespace

TurnRecord new_record(std::string_view traceparent) {
    TurnRecord record;
    record.turn_id = random_uuid();
    record.traceparent = traceparent;
    const bool traced = traceparent.size() >= kTraceparentChars;
    record.trace_id = traced ? std::string(traceparent.substr(3, 32)) : random_hex(16);
    record.started_ms = wall_clock_ms();
    return record;
}

std::string record_front(const TurnRecord& record) {
    std::string front;
    JsonObject json(front);
    json.number("v", kRecordVersion);
    json.text("turn_id", record.turn_id);
    json.text("message", record.message);
    json.json("context", to_text(record.context));
    json.text("message_id", record.message_id);
    json.text("replaces", record.replaces);
    if (!record.history.is_null()) {
        json.json("history", to_text(record.history));
    }
    json.text("mail", record.mail);
    json.text("traceparent", record.traceparent);
    json.text("trace_id", record.trace_id);
    json.text("before", format_event_id(record.before).view());
    json.number("started_ms", record.started_ms);
    json.number("queue_ms", record.queue_ms);
    return front; // its end follows
}

std::string format_record(std::string_view front, const TurnRecord& record) {
    std::string text;
    text.reserve(front.size() + record.state.size() + kRestBytes);
    text += front;
    text += ",\"attempt\":" + std::to_string(record.attempt);
    if (!record.askers.empty()) {
        text += ",\"askers\":" + to_text(nlohmann::json(record.askers));
    }
    text += ",\"state\":";
    text += record.state.empty() ? "null" : record.state;
    if (!record.view.is_null()) {
        text += ",\"view\":" + to_text(record.view);
    }
    text += '}';
    return text;
}

std::string format_record(const TurnRecord& record) {
    return format_record(record_front(record), record);
}

std::optional<TurnRecord> parse_record(std::string_view text) {
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || json.value("v", 0) != kRecordVersion) {
        return std::nullopt;
    }
    try {
        TurnRecord record;
        record.turn_id = json.at("turn_id").get<std::string>();
        record.message = json.at("message").get<std::string>();
        record.context = json.at("context");
        record.message_id = json.at("message_id").get<std::string>();
        record.replaces = json.at("replaces").get<std::string>();
        record.history = json.value("history", nlohmann::json());
        record.askers = json.value("askers", std::vector<uint64_t>());
        record.mail = json.value("mail", "");
        record.traceparent = json.at("traceparent").get<std::string>();
        record.trace_id = json.at("trace_id").get<std::string>();
        record.before = parse_event_id(json.at("before").get<std::string>()).value_or(EventId{});
        record.attempt = json.at("attempt").get<uint32_t>();
        record.started_ms = json.at("started_ms").get<int64_t>();
        record.queue_ms = json.at("queue_ms").get<int64_t>();
        const nlohmann::json& state = json.at("state");
        record.state = state.is_null() ? "" : to_text(state);
        record.view = json.value("view", nlohmann::json());
        return record;
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
}

} // namespace mr

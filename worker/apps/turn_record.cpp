#include "worker/apps/turn_record.h"

#include "worker/apps/event_text.h"
#include "worker/random.h"

namespace mr {
namespace {
constexpr int kRecordVersion = 1;
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

std::string format_record(const TurnRecord& record) {
    nlohmann::json json;
    json["v"] = kRecordVersion;
    json["turn_id"] = record.turn_id;
    json["message"] = record.message;
    json["context"] = record.context;
    json["message_id"] = record.message_id;
    json["replaces"] = record.replaces;
    if (!record.history.is_null()) {
        json["history"] = record.history;
    }
    if (!record.askers.empty()) {
        json["askers"] = record.askers;
    }
    json["mail"] = record.mail;
    json["traceparent"] = record.traceparent;
    json["trace_id"] = record.trace_id;
    json["before"] = format_event_id(record.before).view();
    json["attempt"] = record.attempt;
    json["started_ms"] = record.started_ms;
    json["queue_ms"] = record.queue_ms;
    json["state"] = record.state;
    if (!record.view.is_null()) {
        json["view"] = record.view;
    }
    return to_text(json);
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
        record.state = json.at("state");
        record.view = json.value("view", nlohmann::json());
        return record;
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
}

} // namespace mr

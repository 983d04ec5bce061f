#include "worker/apps/event_text.h"

#include "worker/json_text.h"

#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

namespace mr {
namespace {

constexpr size_t kAroundBytes = 256; // of an event's stamp and names

void append_stamp(std::string& text, const EventStamp& stamp) {
    if (!stamp.turn_id.empty()) {
        text += ",\"turn_id\":";
        append_json_string(text, stamp.turn_id);
    }
    text += ",\"id\":\"";
    text += format_event_id(stamp.id).view();
    text += "\",\"ts\":";
    char digits[24];
    text.append(digits, std::to_chars(digits, digits + sizeof(digits), stamp.ts_ms).ptr);
}

// With the closing brace.
void append_fields(std::string& text, const nlohmann::ordered_json& fields) {
    if (fields.is_object() && !fields.empty()) {
        text += ',';
        text.append(to_text(fields), 1);
    } else {
        text += '}';
    }
}

} // namespace

int64_t wall_clock_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

EventText make_event(const nlohmann::ordered_json& v1, const nlohmann::ordered_json& added,
                     const EventStamp& stamp) {
    EventText event;
    event.json = to_text(v1);
    event.json.pop_back(); // the closing brace
    event.v1_length = static_cast<uint32_t>(event.json.size());
    append_stamp(event.json, stamp);
    append_fields(event.json, added);
    return event;
}

void make_text_chunk(EventText& event, std::string_view content, size_t offset,
                     const EventStamp& stamp) {
    event.json = "{\"type\":\"text_chunk\",\"content\":";
    append_json_string(event.json, content);
    event.v1_length = static_cast<uint32_t>(event.json.size());
    append_stamp(event.json, stamp);
    event.json += ",\"offset\":";
    event.json += std::to_string(offset);
    event.json += '}';
}

void make_text_snapshot(EventText& event, std::string_view content, std::string_view fields,
                        const EventStamp& stamp) {
    event.json.reserve(content.size() + content.size() / 16 + fields.size() + kAroundBytes);
    event.json = "{\"type\":\"text_snapshot\"";
    event.v1_length = static_cast<uint32_t>(event.json.size());
    append_stamp(event.json, stamp);
    event.json += ",\"content\":";
    append_json_string(event.json, content);
    event.json += ',';
    event.json += fields.substr(1); // behind the opening brace
}

nlohmann::ordered_json error_v1(ErrorCode code) {
    nlohmann::ordered_json v1;
    v1["type"] = "error";
    v1["message"] = error_text(code).message;
    return v1;
}

nlohmann::ordered_json error_added(ErrorCode code) {
    nlohmann::ordered_json added;
    added["code"] = error_text(code).name;
    added["fatal"] = false;
    return added;
}

} // namespace mr

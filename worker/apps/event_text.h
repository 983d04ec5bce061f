// The text of events: the fields of the original protocol first and in its order, then turn_id, id
// and ts, then what this protocol adds. The length of the first part travels with the event, so
// that the gateway can cut it out for strict clients without parsing. Pure.
#pragma once

#include "shared/error_code.h"
#include "shared/ids.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace mr {

struct EventText {
    std::string json;
    uint32_t v1_length = 0; // the original's object without its closing brace
};

struct EventStamp {
    std::string_view turn_id; // empty: belongs to no turn
    EventId id;
    int64_t ts_ms = 0;
};

int64_t wall_clock_ms();

EventText make_event(const nlohmann::ordered_json& v1, const nlohmann::ordered_json& added,
                     const EventStamp& stamp);

// The hot ones, by hand, into `event`, whose memory is used again. `offset` in UTF-16 units.
void make_text_chunk(EventText& event, std::string_view content, size_t offset,
                     const EventStamp& stamp);
// `fields`, the text of a JSON object that has any, stand behind `content`.
void make_text_snapshot(EventText& event, std::string_view content, std::string_view fields,
                        const EventStamp& stamp);

// The first part of an `error` event, and what it adds.
nlohmann::ordered_json error_v1(ErrorCode code);
nlohmann::ordered_json error_added(ErrorCode code);

} // namespace mr

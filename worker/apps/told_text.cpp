#include "worker/apps/told_text.h"

#include "worker/apps/event_text.h"

#include <utility>

namespace mr {

MadeEvent ToldText::make(const EventPlace& place, EventId id) const {
    const std::string_view piece = std::string_view(*text_).substr(place.begin, place.length);
    EventText event;
    make_text_chunk(event, piece, place.units, {turn_id_, id, place.ts_ms});
    return {tag_, event.v1_length, std::move(event.json)};
}

} // namespace mr

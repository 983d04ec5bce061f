#include "worker/apps/voice_events.h"

#include "worker/apps/event_text.h"
#include "worker/json_text.h"

namespace mr {

using nlohmann::ordered_json;

void VoiceEvents::logged(const ordered_json& fields, bool everyone) {
    const EventStamp stamp{"", session_.lane->next_id(), wall_clock_ms()};
    EventText event = make_event(fields, ordered_json(), stamp);
    int flags = quiet_() ? kEventTerminal : 0;
    if (!everyone) {
        flags |= kEventV2Only;
        event.v1_length = 0;
    }
    session_.lane->add(static_cast<uint8_t>(flags), as_bytes(event.json), event.v1_length);
}

bool VoiceEvents::live(const ordered_json& fields, bool everyone) {
    const std::string text = to_text(fields);
    return session_.lane->live(everyone ? uint8_t{0} : uint8_t{kEventV2Only}, as_bytes(text));
}

bool VoiceEvents::live_binary(ByteView bytes) {
    return session_.lane->live(kEventBinary | kEventV2Only, bytes);
}

void VoiceEvents::error(ErrorCode code, std::string_view stream_id, std::string_view message) {
    ordered_json fields = error_v1(code);
    if (!message.empty()) {
        fields["message"] = message;
    }
    ordered_json added = error_added(code);
    if (!stream_id.empty()) {
        added["stream_id"] = stream_id;
    }
    const EventStamp stamp{"", session_.lane->next_id(), wall_clock_ms()};
    const EventText event = make_event(fields, added, stamp);
    session_.lane->add(quiet_() ? kEventTerminal : uint8_t{0}, as_bytes(event.json),
                       event.v1_length);
}

} // namespace mr

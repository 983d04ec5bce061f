// What mr-bench reads of an event (docs/protocol.md). Views are good until the next read.
#pragma once

#include <cstdint>
#include <string_view>

namespace mr::bench {

struct EventView {
    std::string_view type;
    std::string_view content; // of text_chunk and text_snapshot
    std::string_view phase;
    std::string_view status;
    std::string_view code;         // of an error
    std::string_view session_id;   // of connected
    std::string_view resume_token; // of connected
    uint64_t epoch = 0, seq = 0;   // 0-0: it has no id
    int64_t offset = -1;           // of text_chunk, UTF-16 units
    int64_t text_length = -1;      // of response_complete
    int64_t duration_ms = -1;      // of phase_complete
    int64_t reconnect_in_ms = -1;  // of going_away
    bool recovered = false;        // of connected
    std::string_view text;         // of a transcript
    bool speech_final = false;     // of a transcript
    bool last = false;             // of tts_end: nothing more of this answer is spoken
};

// False: it is no JSON object. One reader per thread, by itself.
bool read_event(std::string_view text, EventView& event);

// UTF-16 units of UTF-8.
uint64_t utf16_units(std::string_view text);

// "<i>@<16 hexadecimal digits>:" as the app `bench` stamps its chunks (docs/configuration.md).
struct Stamp {
    uint64_t index = 0;
    int64_t due_us = 0; // since 1970
};

// Takes the first stamp out of `text`, which then begins behind it. False: there is none.
bool next_stamp(std::string_view& text, Stamp& stamp);

} // namespace mr::bench

// What somebody has heard of an answer that was spoken to him up to some place: which text, and how
// far into the answer. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace mr {

// One stretch of speech as it was sent.
struct SpokenSegment {
    std::string text;      // its caption
    bool progress = false; // no part of the answer
    size_t begin = 0;      // bytes of the answer
    size_t end = 0;
    int64_t sent_ms = 0;
    bool complete = false; // all of it has been sent
};

struct HeardPlace {
    uint32_t segment = 0;
    int64_t ms = 0; // into it
};

struct Heard {
    uint32_t from_segment = 0; // the first that was not heard to its end
    std::string text;
    size_t answer_bytes = 0; // the answer up to what was heard of it
};

// Speech whose end has not been made yet is taken to have this pace.
inline constexpr int64_t kSpokenMsPerByte = 60;

// The place of the ms-th millisecond of all the sound.
HeardPlace place_of(std::span<const SpokenSegment> segments, int64_t ms);

// A word that was begun counts as not heard.
Heard heard_up_to(std::span<const SpokenSegment> segments, HeardPlace place);

// Heard::answer_bytes of what is known as from_segment and text alone.
size_t answer_bytes_of(std::span<const SpokenSegment> segments, const Heard& heard);

} // namespace mr

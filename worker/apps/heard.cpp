#include "worker/apps/heard.h"

#include <algorithm>
#include <string_view>

namespace mr {
namespace {

// The front of a text of which `part` in `whole` was heard, up to the end of a word.
std::string_view heard_front(std::string_view text, int64_t part, int64_t whole) {
    if (part >= whole) {
        return text;
    }
    const auto size = static_cast<int64_t>(text.size());
    size_t end = static_cast<size_t>(size * std::max<int64_t>(0, part) / whole);
    while (end > 0 && text[end] != ' ') {
        --end;
    }
    return text.substr(0, end);
}

int64_t length_of(const SpokenSegment& segment) {
    if (segment.complete) {
        return std::max<int64_t>(1, segment.sent_ms);
    }
    const auto bytes = static_cast<int64_t>(segment.text.size());
    return std::max<int64_t>({1, segment.sent_ms + 1, bytes * kSpokenMsPerByte});
}

void append(std::string& text, std::string_view more) {
    if (!text.empty() && !more.empty()) {
        text += ' ';
    }
    text += more;
}

// The caption may be worded otherwise than the answer: in proportion.
size_t bytes_of_front(const SpokenSegment& segment, size_t front) {
    return segment.begin + (segment.end - segment.begin) * front / segment.text.size();
}

} // namespace

HeardPlace place_of(std::span<const SpokenSegment> segments, int64_t ms) {
    HeardPlace place;
    for (const SpokenSegment& segment : segments) {
        if (ms < segment.sent_ms || !segment.complete) {
            break;
        }
        ms -= segment.sent_ms;
        ++place.segment;
    }
    place.ms = std::max<int64_t>(0, ms);
    return place;
}

Heard heard_up_to(std::span<const SpokenSegment> segments, HeardPlace place) {
    Heard heard;
    heard.from_segment = static_cast<uint32_t>(std::min<size_t>(place.segment, segments.size()));
    for (uint32_t i = 0; i < heard.from_segment; ++i) {
        if (!segments[i].progress) {
            append(heard.text, segments[i].text);
            heard.answer_bytes = segments[i].end;
        }
    }
    if (heard.from_segment == segments.size() || segments[heard.from_segment].progress) {
        return heard;
    }
    const SpokenSegment& cut = segments[heard.from_segment];
    const std::string_view front = heard_front(cut.text, place.ms, length_of(cut));
    append(heard.text, front);
    if (front.size() == cut.text.size()) {
        ++heard.from_segment;
        heard.answer_bytes = cut.end;
    } else if (!front.empty()) {
        heard.answer_bytes = bytes_of_front(cut, front.size());
    }
    return heard;
}

size_t answer_bytes_of(std::span<const SpokenSegment> segments, const Heard& heard) {
    const size_t whole = std::min<size_t>(heard.from_segment, segments.size());
    std::string text;
    size_t bytes = 0;
    for (const SpokenSegment& segment : segments.first(whole)) {
        if (!segment.progress) {
            append(text, segment.text);
            bytes = segment.end;
        }
    }
    const size_t between = text.empty() ? 0 : 1; // the blank
    if (whole == segments.size() || segments[whole].text.empty() ||
        heard.text.size() <= text.size() + between) {
        return bytes;
    }
    const size_t front = heard.text.size() - text.size() - between;
    return bytes_of_front(segments[whole], std::min(front, segments[whole].text.size()));
}

} // namespace mr

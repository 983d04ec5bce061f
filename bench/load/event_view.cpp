#include "bench/load/event_view.h"

#include <simdjson.h>

#include <charconv>
#include <cstring>
#include <vector>

namespace mr::bench {
namespace {

using Value = simdjson::simdjson_result<simdjson::ondemand::value>;

void take_text(Value value, std::string_view& out) {
    std::string_view text;
    if (value.get_string().get(text) == simdjson::SUCCESS) {
        out = text;
    }
}

void take_number(Value value, int64_t& out) {
    int64_t number = 0;
    if (value.get_int64().get(number) == simdjson::SUCCESS) {
        out = number;
    }
}

void take_flag(Value value, bool& out) {
    bool is = false;
    out = value.get_bool().get(is) == simdjson::SUCCESS && is;
}

void take_id(Value value, EventView& event) {
    std::string_view text;
    if (value.get_string().get(text) != simdjson::SUCCESS) {
        return;
    }
    const char* const end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, event.epoch);
    if (first.ec == std::errc() && first.ptr != end) {
        std::from_chars(first.ptr + 1, end, event.seq);
    }
}

void take_field(std::string_view key, Value value, EventView& event) {
    if (key == "type") {
        take_text(value, event.type);
    } else if (key == "content") {
        take_text(value, event.content);
    } else if (key == "offset") {
        take_number(value, event.offset);
    } else if (key == "id") {
        take_id(value, event);
    } else if (key == "phase") {
        take_text(value, event.phase);
    } else if (key == "status") {
        take_text(value, event.status);
    } else if (key == "code") {
        take_text(value, event.code);
    } else if (key == "session_id") {
        take_text(value, event.session_id);
    } else if (key == "resume_token") {
        take_text(value, event.resume_token);
    } else if (key == "text_length") {
        take_number(value, event.text_length);
    } else if (key == "duration_ms") {
        take_number(value, event.duration_ms);
    } else if (key == "reconnect_in_ms") {
        take_number(value, event.reconnect_in_ms);
    } else if (key == "text") {
        take_text(value, event.text);
    } else if (key == "recovered") {
        take_flag(value, event.recovered);
    } else if (key == "speech_final") {
        take_flag(value, event.speech_final);
    } else if (key == "last") {
        take_flag(value, event.last);
    }
}

} // namespace

bool read_event(std::string_view text, EventView& event) {
    static thread_local simdjson::ondemand::parser parser;
    static thread_local std::vector<char> padded;
    event = EventView();
    const size_t wanted = text.size() + simdjson::SIMDJSON_PADDING;
    if (padded.size() < wanted) {
        padded.resize(wanted * 2);
    }
    std::memcpy(padded.data(), text.data(), text.size());
    simdjson::ondemand::document document;
    simdjson::ondemand::object object;
    if (parser.iterate(padded.data(), text.size(), padded.size()).get(document) !=
            simdjson::SUCCESS ||
        document.get_object().get(object) != simdjson::SUCCESS) {
        return false;
    }
    for (auto field : object) {
        std::string_view key;
        if (field.unescaped_key().get(key) != simdjson::SUCCESS) {
            return false;
        }
        take_field(key, field.value(), event);
    }
    return true;
}

uint64_t utf16_units(std::string_view text) {
    uint64_t units = 0;
    for (const char byte : text) {
        const auto bits = static_cast<unsigned char>(byte);
        units += static_cast<uint64_t>((bits & 0xC0) != 0x80) + static_cast<uint64_t>(bits >= 0xF0);
    }
    return units;
}

bool next_stamp(std::string_view& text, Stamp& stamp) {
    constexpr size_t kDigits = 16;
    for (;;) {
        const size_t at = text.find('@');
        if (at == std::string_view::npos) {
            return false;
        }
        const std::string_view before = text.substr(0, at);
        const std::string_view behind = text.substr(at + 1);
        text = behind;
        size_t first = before.size();
        while (first > 0 && before[first - 1] >= '0' && before[first - 1] <= '9') {
            --first;
        }
        uint64_t due = 0;
        if (behind.size() <= kDigits || behind[kDigits] != ':' || first == before.size()) {
            continue;
        }
        const auto read = std::from_chars(behind.data(), behind.data() + kDigits, due, 16);
        if (read.ec != std::errc() || read.ptr != behind.data() + kDigits) {
            continue;
        }
        std::from_chars(before.data() + first, before.data() + before.size(), stamp.index);
        stamp.due_us = static_cast<int64_t>(due);
        text = behind.substr(kDigits + 1);
        return true;
    }
}

} // namespace mr::bench

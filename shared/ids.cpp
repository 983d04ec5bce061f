#include "shared/ids.h"

#include "shared/bytes.h"

#include <charconv>
#include <cstring>

namespace mr {

size_t format_decimal(uint64_t value, char out[20]) {
    return static_cast<size_t>(std::to_chars(out, out + 20, value).ptr - out);
}

std::optional<uint64_t> parse_decimal(std::string_view text) {
    if (text.empty() || text.size() > 20 || (text.size() > 1 && text[0] == '0')) {
        return std::nullopt;
    }
    uint64_t value = 0;
    for (char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        const auto digit = static_cast<uint64_t>(c - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return std::nullopt;
        }
        value = value * 10 + digit;
    }
    return value;
}

EventIdText format_event_id(EventId id) {
    EventIdText text;
    size_t length = format_decimal(id.epoch, text.chars);
    text.chars[length++] = '-';
    length += format_decimal(id.seq, text.chars + length);
    text.length = static_cast<uint8_t>(length);
    return text;
}

std::optional<EventId> parse_event_id(std::string_view text) {
    const size_t dash = text.find('-');
    if (dash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto epoch = parse_decimal(slice(text, 0, dash));
    const auto seq = parse_decimal(slice(text, dash + 1));
    if (!epoch || !seq) {
        return std::nullopt;
    }
    return EventId{*epoch, *seq};
}

void format_session_id(const uint8_t random[16], char out[kSessionIdChars]) {
    static constexpr char kHex[] = "0123456789abcdef";
    uint8_t bytes[16];
    std::memcpy(bytes, random, sizeof(bytes));
    bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40); // version 4
    bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80); // variant 10
    size_t at = 0;
    for (size_t i = 0; i < 16; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out[at++] = '-';
        }
        out[at++] = kHex[bytes[i] >> 4];
        out[at++] = kHex[bytes[i] & 0x0f];
    }
}

bool session_id_valid(std::string_view text) {
    if (text.size() != kSessionIdChars) {
        return false;
    }
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-') {
                return false;
            }
        } else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

} // namespace mr

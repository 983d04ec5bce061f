#include "worker/json_text.h"

#include "shared/bytes.h"
#include "shared/utf8.h"

#include <bit>
#include <charconv>
#include <nlohmann/json.hpp>

namespace mr {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void append_escape(std::string& out, unsigned char c) {
    switch (c) {
    case '"':
        out += "\\\"";
        return;
    case '\\':
        out += "\\\\";
        return;
    case '\b':
        out += "\\b";
        return;
    case '\f':
        out += "\\f";
        return;
    case '\n':
        out += "\\n";
        return;
    case '\r':
        out += "\\r";
        return;
    case '\t':
        out += "\\t";
        return;
    default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
}

constexpr uint64_t kLows = 0x0101010101010101;  // the lowest bit of each byte
constexpr uint64_t kHighs = 0x8080808080808080; // the highest

// The highest bit of the first byte of `eight` that is below `limit` (at most 128), and of none in
// front of it; what stands behind it is undefined.
constexpr uint64_t below(uint64_t eight, uint64_t limit) {
    return (eight - kLows * limit) & ~eight & kHighs;
}

constexpr bool needs_escape(unsigned char c) {
    return c < 0x20 || c == '"' || c == '\\';
}

// The first byte from `at` on that cannot stand in a string as it is, or has a bit of `beside` (the
// same of each byte); eight at a time.
size_t next_to_escape(std::string_view text, size_t at, uint64_t beside = 0) {
    for (; at + sizeof(uint64_t) <= text.size(); at += sizeof(uint64_t)) {
        const auto eight = load_le<uint64_t>(reinterpret_cast<const uint8_t*>(text.data()) + at);
        const uint64_t found = (eight & beside) | below(eight, 0x20) |
                               below(eight ^ kLows * '"', 1) | below(eight ^ kLows * '\\', 1);
        if (found != 0) {
            return at + static_cast<size_t>(std::countr_zero(found)) / 8;
        }
    }
    for (; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (needs_escape(byte) || (byte & beside) != 0) {
            break;
        }
    }
    return at;
}

// How much in front is ASCII that stands in a string as it is: of names, ids and most of English,
// all.
size_t plain_prefix(std::string_view text) {
    return next_to_escape(text, 0, kHighs);
}

void append_escaped(std::string& out, std::string_view text) {
    for (size_t clean = 0;;) {
        const size_t at = next_to_escape(text, clean);
        out.append(text, clean, at - clean);
        if (at == text.size()) {
            return;
        }
        append_escape(out, static_cast<unsigned char>(text[at]));
        clean = at + 1;
    }
}

// Every byte that cannot belong to a code point becomes U+FFFD.
std::string repaired(std::string_view text) {
    std::string good;
    while (!text.empty()) {
        size_t best = 0;
        for (size_t length = 1; length <= 4 && length <= text.size() && best == 0; ++length) {
            if (utf8_valid(as_bytes(text.substr(0, length)))) {
                best = length;
            }
        }
        if (best == 0) {
            good += "\xEF\xBF\xBD";
            best = 1;
        } else {
            good.append(text, 0, best);
        }
        text.remove_prefix(best);
    }
    return good;
}

} // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    const size_t plain = plain_prefix(text);
    out.append(text, 0, plain);
    text.remove_prefix(plain);
    if (utf8_valid(as_bytes(text))) {
        append_escaped(out, text);
    } else {
        append_escaped(out, repaired(text));
    }
    out += '"';
}

std::string to_text(const nlohmann::ordered_json& value) {
    return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string to_text(const nlohmann::json& value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void JsonObject::name(std::string_view name) {
    out_ += first_ ? "\"" : ",\"";
    first_ = false;
    out_ += name;
    out_ += "\":";
}

void JsonObject::text(std::string_view name, std::string_view value) {
    this->name(name);
    append_json_string(out_, value);
}

void JsonObject::number(std::string_view name, int64_t value) {
    this->name(name);
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
    out_.append(digits, end);
}

void JsonObject::json(std::string_view name, std::string_view value) {
    this->name(name);
    out_ += value;
}

namespace {

// One for the first byte of each code point, two where it is outside the basic plane.
size_t units_of(std::string_view text) {
    size_t units = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        units += (byte & 0xC0) != 0x80;
        units += byte >= 0xF0;
    }
    return units;
}

} // namespace

// Eight at a time: an ASCII byte is a unit, and most are.
size_t utf16_length(std::string_view text) {
    size_t units = 0;
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= text.size(); at += sizeof(uint64_t)) {
        const auto eight = load_le<uint64_t>(reinterpret_cast<const uint8_t*>(text.data()) + at);
        units +=
            (eight & kHighs) == 0 ? sizeof(uint64_t) : units_of(text.substr(at, sizeof(uint64_t)));
    }
    return units + units_of(text.substr(at));
}

std::string_view utf16_prefix(std::string_view text, size_t units) {
    size_t have = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool first = (byte & 0xC0) != 0x80;
        have += first;
        have += byte >= 0xF0;
        if (first && have > units) {
            return text.substr(0, i);
        }
    }
    return text;
}

std::string_view text_within(std::string_view text, size_t max_bytes) {
    if (text.size() <= max_bytes) {
        return text;
    }
    size_t cut = max_bytes;
    while (cut > max_bytes - 3 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) {
        --cut; // at most three continuation bytes follow the first one of a code point
    }
    return text.substr(0, cut);
}

} // namespace mr

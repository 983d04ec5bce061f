#include "worker/encoding.h"

namespace mr {
namespace {

bool unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void append_hex(std::string& out, std::uint8_t byte, std::string_view digits) {
    out += digits[byte >> 4U];
    out += digits[byte & 0xFU];
}

} // namespace

std::string hex_of(std::span<const std::uint8_t> bytes) {
    std::string out;
    for (const std::uint8_t byte : bytes) {
        append_hex(out, byte, "0123456789abcdef");
    }
    return out;
}

std::string percent_encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (unreserved(c)) {
            out += c;
        } else {
            out += '%';
            append_hex(out, static_cast<std::uint8_t>(c), "0123456789ABCDEF");
        }
    }
    return out;
}

} // namespace mr

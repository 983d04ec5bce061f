#include "worker/encoding.h"

#include <array>

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

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 64;

constexpr std::array<std::uint8_t, 256> base64_values() {
    std::array<std::uint8_t, 256> values{};
    values.fill(kNoDigit);
    for (std::uint8_t i = 0; i < kBase64.size(); ++i) {
        values[static_cast<std::uint8_t>(kBase64[i])] = i;
    }
    values['-'] = 62;
    values['_'] = 63;
    return values;
}
constexpr std::array<std::uint8_t, 256> kBase64Values = base64_values();

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

std::string base64_of(std::span<const std::uint8_t> bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const size_t left = bytes.size() - i;
        const std::uint32_t three = std::uint32_t{bytes[i]} << 16U |
                                    (left > 1 ? std::uint32_t{bytes[i + 1]} << 8U : 0U) |
                                    (left > 2 ? std::uint32_t{bytes[i + 2]} : 0U);
        out += kBase64[three >> 18U];
        out += kBase64[three >> 12U & 63U];
        out += left > 1 ? kBase64[three >> 6U & 63U] : '=';
        out += left > 2 ? kBase64[three & 63U] : '=';
    }
    return out;
}

std::optional<std::string> base64_decoded(std::string_view text) {
    if (text.size() % 4 == 0 && text.ends_with('=')) {
        text.remove_suffix(text.ends_with("==") ? 2 : 1);
    }
    if (text.size() % 4 == 1) {
        return std::nullopt;
    }
    std::string out;
    out.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const std::uint8_t value = kBase64Values[static_cast<std::uint8_t>(c)];
        if (value == kNoDigit) {
            return std::nullopt;
        }
        bits = bits << 6U | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out += static_cast<char>(bits >> count & 0xFFU);
        }
    }
    return out;
}

} // namespace mr

#include "ngx_mr_ws_module/base64url.h"

#include <array>

namespace mr {
namespace {

constexpr uint8_t kNoDigit = 0xFF;

constexpr auto kDigits = [] {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::array<uint8_t, 256> digits{};
    digits.fill(kNoDigit);
    for (size_t i = 0; i < kAlphabet.size(); ++i) {
        digits[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
    }
    return digits;
}();

uint8_t digit(char c) {
    return kDigits[static_cast<uint8_t>(c)];
}

} // namespace

bool base64url_valid(std::string_view text) noexcept {
    for (const char c : text) {
        if (digit(c) == kNoDigit) {
            return false;
        }
    }
    switch (text.size() % 4) {
    case 1:
        return false;
    case 2: // one byte: four bits of the last digit mean nothing
        return (digit(text.back()) & 0x0F) == 0;
    case 3:
        return (digit(text.back()) & 0x03) == 0;
    default:
        return true;
    }
}

void base64url_decode(std::string_view text, uint8_t* out) noexcept {
    uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        bits = bits << 6 | digit(c);
        held += 6;
        if (held >= 8) {
            held -= 8;
            *out++ = static_cast<uint8_t>(bits >> held);
        }
    }
}

} // namespace mr

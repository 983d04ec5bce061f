#include "shared/ws_handshake.h"

#include "shared/openssl_errors.h"

#include <openssl/sha.h>

#include <array>
#include <cstring>

namespace mr {

namespace {

constexpr std::string_view kAcceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // section 1.3
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNotBase64 = 0xFF;

constexpr auto kBase64Values = [] {
    std::array<uint8_t, 256> values{};
    values.fill(kNotBase64);
    for (size_t i = 0; i < kBase64.size(); ++i) {
        values[static_cast<uint8_t>(kBase64[i])] = static_cast<uint8_t>(i);
    }
    return values;
}();

// Token characters other than letters and digits (RFC 7230 section 3.2.6).
constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";

constexpr auto kTokenChars = [] {
    std::array<bool, 256> valid{};
    for (unsigned c = '0'; c <= '9'; ++c) {
        valid[c] = true;
    }
    for (unsigned c = 'a'; c <= 'z'; ++c) {
        valid[c] = valid[c - 'a' + 'A'] = true;
    }
    for (const char c : kTokenMarks) {
        valid[static_cast<uint8_t>(c)] = true;
    }
    return valid;
}();

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

// Not by substr(): its range check would need the libstdc++ runtime.

// Writes 4 characters per 3 bytes, padded.
void encode_base64(const uint8_t* bytes, size_t size, char* out) {
    for (size_t i = 0; i < size; i += 3, out += 4) {
        const size_t have = size - i < 3 ? size - i : 3;
        uint32_t group = uint32_t{bytes[i]} << 16;
        group |= have > 1 ? uint32_t{bytes[i + 1]} << 8 : 0;
        group |= have > 2 ? uint32_t{bytes[i + 2]} : 0;
        out[0] = kBase64[group >> 18 & 63];
        out[1] = kBase64[group >> 12 & 63];
        out[2] = have > 1 ? kBase64[group >> 6 & 63] : '=';
        out[3] = have > 2 ? kBase64[group & 63] : '=';
    }
}

} // namespace

bool key_valid(std::string_view key) noexcept {
    constexpr size_t kDigits = kWsKeyChars - 2; // 16 bytes are 22 digits and two of padding
    if (key.size() != kWsKeyChars || !key.ends_with("==")) {
        return false;
    }
    for (const char c : std::string_view(key.data(), kDigits)) {
        if (kBase64Values[static_cast<uint8_t>(c)] == kNotBase64) {
            return false;
        }
    }
    // The last digit carries two bits of the 16th byte; its other four mean nothing and are zero.
    return (kBase64Values[static_cast<uint8_t>(key[kDigits - 1])] & 0x0F) == 0;
}

bool accept_key(std::string_view key, char out[kWsAcceptChars]) noexcept {
    if (key.size() != kWsKeyChars) {
        return false;
    }
    uint8_t input[kWsKeyChars + kAcceptGuid.size()];
    std::memcpy(input, key.data(), kWsKeyChars);
    std::memcpy(input + kWsKeyChars, kAcceptGuid.data(), kAcceptGuid.size());
    uint8_t digest[SHA_DIGEST_LENGTH];
    const OpensslErrorsGone tidy;
    if (SHA1(input, sizeof input, digest) == nullptr) {
        return false;
    }
    encode_base64(digest, sizeof digest, out);
    return true;
}

void make_key(const uint8_t random[kWsKeyRandomBytes], char out[kWsKeyChars]) noexcept {
    encode_base64(random, kWsKeyRandomBytes, out);
}

bool accept_matches(std::string_view key, std::string_view accept) noexcept {
    char expected[kWsAcceptChars];
    return accept_key(key, expected) && accept == std::string_view(expected, sizeof expected);
}

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

std::optional<std::string_view> TokenList::next() noexcept {
    while (!rest_.empty()) {
        const size_t comma = rest_.find(',');
        const bool last = comma == std::string_view::npos;
        const std::string_view element = trimmed({rest_.data(), last ? rest_.size() : comma});
        rest_.remove_prefix(last ? rest_.size() : comma + 1);
        if (!element.empty()) {
            return element;
        }
    }
    return std::nullopt;
}

bool token_valid(std::string_view token) noexcept {
    for (const char c : token) {
        if (!kTokenChars[static_cast<uint8_t>(c)]) {
            return false;
        }
    }
    return !token.empty();
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) {
        return false;
    }
    for (size_t i = 0; i < a.size(); ++i) {
        if (lower(a[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

bool token_list_contains(std::string_view value, std::string_view token) noexcept {
    TokenList list(value);
    while (const auto element = list.next()) {
        if (equals_ignoring_case(*element, token)) {
            return true;
        }
    }
    return false;
}

bool subprotocols_valid(std::string_view value) noexcept {
    TokenList list(value);
    bool any = false;
    while (const auto name = list.next()) {
        if (!token_valid(*name)) {
            return false;
        }
        any = true;
    }
    return any;
}

bool subprotocols_offer(std::string_view value, std::string_view name) noexcept {
    TokenList list(value);
    while (const auto offered = list.next()) {
        if (*offered == name) {
            return true;
        }
    }
    return false;
}

} // namespace mr

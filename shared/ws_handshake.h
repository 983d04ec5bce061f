// The parts of the WebSocket opening handshake (RFC 6455 section 4) that are pure text: keys and
// accept values, token lists, subprotocol names, for both ends. It never parses an HTTP message,
// never does I/O and never allocates; randomness is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mr {

inline constexpr size_t kWsKeyChars = 24;       // base64 of 16 bytes
inline constexpr size_t kWsKeyRandomBytes = 16; // what a client draws
inline constexpr size_t kWsAcceptChars = 28;    // base64 of a SHA-1 digest
inline constexpr std::string_view kWsVersion = "13";

// True for a Sec-WebSocket-Key of exactly 24 base64 characters that decode to exactly 16 bytes,
// padding and unused bits included (section 4.2.1, item 5).
[[nodiscard]] bool key_valid(std::string_view key) noexcept;

// Writes the Sec-WebSocket-Accept value for a key, without a terminator (section 4.2.2, item 5).
// False if the key is not 24 characters long or libcrypto offers no SHA-1.
[[nodiscard]] bool accept_key(std::string_view key, char out[kWsAcceptChars]) noexcept;

// Client: writes the key for 16 random bytes, without a terminator (section 4.1, item 7).
void make_key(const uint8_t random[kWsKeyRandomBytes], char out[kWsKeyChars]) noexcept;

// Client: true when the server's Sec-WebSocket-Accept belongs to our key.
[[nodiscard]] bool accept_matches(std::string_view key, std::string_view accept) noexcept;

// Without the spaces and tabs around it: what RFC 7230 section 3.2.3 allows there.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;

// Walks a comma-separated header value: elements without surrounding spaces and tabs, empty ones
// skipped (RFC 7230 section 7). Views point into the value. A header that occurs several times is
// walked value by value.
class TokenList {
  public:
    explicit TokenList(std::string_view value) noexcept : rest_(value) {}

    // The next element, or nullopt at the end. Not checked for token characters: see token_valid.
    [[nodiscard]] std::optional<std::string_view> next() noexcept;

  private:
    std::string_view rest_;
};

// True for a non-empty sequence of token characters (RFC 7230 section 3.2.6): what a subprotocol
// name must be.
[[nodiscard]] bool token_valid(std::string_view token) noexcept;

// True when both are equal but for the case of ASCII letters.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

// True when the list holds the token, in any case: for `Upgrade` and `Connection`.
[[nodiscard]] bool token_list_contains(std::string_view value, std::string_view token) noexcept;

// True when a Sec-WebSocket-Protocol value offers at least one name and every name is a valid
// token.
[[nodiscard]] bool subprotocols_valid(std::string_view value) noexcept;

// True when the value offers exactly this name; names are compared with their case (section 4.1,
// item 10 makes them opaque).
[[nodiscard]] bool subprotocols_offer(std::string_view value, std::string_view name) noexcept;

} // namespace mr

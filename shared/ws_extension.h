// The permessage-deflate offers of a client (RFC 7692 section 7.1) in Sec-WebSocket-Extensions
// (RFC 6455 section 9.1): which of them is acceptable, and what the server answers. We always
// answer without context takeover in both directions: then no memory belongs to a connection
// between two messages. Never compresses anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mr {

// Window sizes are exponents of two, in bytes. zlib cannot write a raw stream for 2^8.
inline constexpr uint8_t kMinDeflateWindowBits = 9;
inline constexpr uint8_t kMaxDeflateWindowBits = 15;
inline constexpr size_t kMaxDeflateAnswerChars = 160;

// What a client asks for. 0: it does not.
struct DeflateOffer {
    uint8_t server_max_window_bits = 0; // 9..15
    uint8_t client_max_window_bits = 0; // 8..15; 15 for the parameter without a value
};

struct ExtensionOffers {
    bool well_formed = true; // by the grammar; if not, the handshake has to fail (section 9.1)
    std::optional<DeflateOffer> deflate; // the first offer that is acceptable
};

// Reads one header value. A header that occurs several times is read value by value. An offer with
// an unknown, repeated or impossible parameter is passed over, as RFC 7692 section 7.1 asks.
[[nodiscard]] ExtensionOffers read_extensions(std::string_view value) noexcept;

// What was agreed upon.
struct DeflateAgreement {
    uint8_t window_bits = 0; // of what we compress; 0: nothing is compressed
    size_t answer_chars = 0;
    char answer[kMaxDeflateAnswerChars]; // for Sec-WebSocket-Extensions

    std::string_view answer_view() const noexcept { return {answer, answer_chars}; }
};

// `window_bits` (9..15) is what we would use and allow.
[[nodiscard]] DeflateAgreement agree_on_deflate(const DeflateOffer& offer,
                                                uint8_t window_bits) noexcept;

} // namespace mr

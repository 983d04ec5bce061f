// Incremental UTF-8 validation (RFC 3629): bytes arrive in pieces of any size, the verdict falls at
// the first byte that no valid text can have there (surrogates, overlong forms, values above
// U+10FFFF, stray or missing continuation bytes). It never decodes, copies or allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mr {

// What is known between two pieces. A fresh value stands at the start of a text.
struct Utf8State {
    uint8_t node = 0;
};

// Feeds the next piece. Returns the index of the first impossible byte, or bytes.size() when all of
// them are possible. A rejection is final: every later non-empty piece is refused at index 0.
[[nodiscard]] size_t utf8_feed(Utf8State& state, std::span<const uint8_t> bytes) noexcept;

// True when the text may end here: no code point is open and nothing was rejected.
[[nodiscard]] constexpr bool utf8_complete(Utf8State state) noexcept {
    return state.node == 0;
}

// True when the bytes are one whole valid text.
[[nodiscard]] bool utf8_valid(std::span<const uint8_t> bytes) noexcept;

} // namespace mr

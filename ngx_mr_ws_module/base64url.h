// base64url without padding (RFC 4648 section 5), as JWTs use it: one text per value. What another
// text also stands for is refused: padding, blanks, the other alphabet, bits behind the last byte.
// Never allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mr {

constexpr size_t base64url_bytes(size_t chars) noexcept {
    return chars / 4 * 3 + chars % 4 * 3 / 4;
}

// True for the one text of some bytes; an empty text is that of none.
[[nodiscard]] bool base64url_valid(std::string_view text) noexcept;

// Writes base64url_bytes(text.size()) bytes of a valid text.
void base64url_decode(std::string_view text, uint8_t* out) noexcept;

} // namespace mr

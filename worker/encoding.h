// Bytes as text, in the forms that the worker's requests and events need.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mr {

// Lower case, two digits a byte.
std::string hex_of(std::span<const std::uint8_t> bytes);

// All but the unreserved characters as %XX (RFC 3986 section 2.3): a part of a path, of a query, or
// of a form.
std::string percent_encoded(std::string_view text);

// RFC 4648 section 4, with padding.
std::string base64_of(std::span<const std::uint8_t> bytes);

// Of both alphabets (RFC 4648 sections 4 and 5), with padding or without. Null: it is neither.
std::optional<std::string> base64_decoded(std::string_view text);

} // namespace mr

// Bytes as text, in the two forms that the worker's requests need.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mr {

// Lower case, two digits a byte.
std::string hex_of(std::span<const std::uint8_t> bytes);

// All but the unreserved characters as %XX (RFC 3986 section 2.3): a part of a path, of a query, or
// of a form.
std::string percent_encoded(std::string_view text);

} // namespace mr

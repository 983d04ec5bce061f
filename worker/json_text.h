// JSON text by hand, for what is written too often or too early for a JSON library: strings, their
// measure, and where they may be cut. Appends to a std::string; never parses.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mr {

// The text as a JSON string with its quotes (RFC 8259 section 7): quotes, backslash and control
// characters escaped, everything else as it is. Bytes that are no valid UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// Length in UTF-16 code units of a valid UTF-8 text: what a browser calls `length`.
size_t utf16_length(std::string_view text);

// The front of a valid UTF-8 text, of at most `units` UTF-16 code units; no character is cut.
std::string_view utf16_prefix(std::string_view text, size_t units);

// The beginning of a UTF-8 text, at most `max_bytes` (4 or more) long, never cut within a code
// point.
std::string_view text_within(std::string_view text, size_t max_bytes);

} // namespace mr

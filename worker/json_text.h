// JSON text: of a library's values, and by hand, for what is written too often or too early for
// one: strings, their measure, and where they may be cut; objects member by member. Appends to a
// std::string; never parses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace mr {

// The text as a JSON string with its quotes (RFC 8259 section 7): quotes, backslash and control
// characters escaped, everything else as it is. Bytes that are no valid UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// Compact JSON; bytes that are no UTF-8 become U+FFFD.
std::string to_text(const nlohmann::ordered_json& value);
std::string to_text(const nlohmann::json& value);

// An object, written from its opening brace to close(). Names stand as they are: nothing in them
// needs an escape.
class JsonObject {
  public:
    explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }

    void text(std::string_view name, std::string_view value);
    void number(std::string_view name, int64_t value);
    // For the caller to append a value behind.
    void name(std::string_view name);
    void json(std::string_view name, std::string_view value); // which is JSON already
    void close() { out_ += '}'; }

  private:
    std::string& out_;
    bool first_ = true;
};

// Length in UTF-16 code units of a valid UTF-8 text: what a browser calls `length`.
size_t utf16_length(std::string_view text);

// The front of a valid UTF-8 text, of at most `units` UTF-16 code units; no character is cut.
std::string_view utf16_prefix(std::string_view text, size_t units);

// The beginning of a UTF-8 text, at most `max_bytes` (4 or more) long, never cut within a code
// point.
std::string_view text_within(std::string_view text, size_t max_bytes);

} // namespace mr

// JSON of which a few members are wanted, such as the events of a stream: one comes per token, most
// of its members say the same every time, and making objects of them costs more than all else that
// is done with a token.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

namespace mr {

inline constexpr std::size_t kMaxKnownDepth = 32;  // what lies deeper is left out
inline constexpr std::size_t kMaxTextDepth = 1024; // what is nested deeper is not read at all

// What json::parse gives, without the members of objects whose name is not in `names`, at any
// depth, and without those that are null. Discarded when the text is no JSON, or is nested deeper
// than kMaxTextDepth.
nlohmann::json parse_known(std::string_view text, std::span<const std::string_view> names);

} // namespace mr

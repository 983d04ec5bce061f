// Reading JSON that a provider sent: whatever it holds, nothing throws. A missing member, one of
// another type and null mean the same.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace mr {

// Null where there is no such member.
const nlohmann::json& member(const nlohmann::json& object, const char* name);
// The elements of an array; none where it is something else.
const nlohmann::json& items_of(const nlohmann::json& value);
// Of a string, or of an array of parts with a `text`.
std::string text_of(const nlohmann::json& value);
std::int64_t count_of(const nlohmann::json& value);

} // namespace mr

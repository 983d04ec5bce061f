// Strict checks of a JSON request against the fields that a provider documents: what is unknown,
// missing, of a wrong type or of a wrong value. Says only that; each provider has its own words.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr::emulator {

enum Kind : unsigned {
    kString = 1,
    kInt = 2,
    kNumber = 4, // an integer is one too
    kBool = 8,
    kArray = 16,
    kObject = 32,
    kInt64 = kString | kInt, // Google's: a string of digits or a number
    kAny = 255,
};

struct Problem {
    enum class Fault { unknown, missing, type, value };
    Fault fault = Fault::value;
    std::string where, text; // "messages[0].role"; a sentence
};

using Found = std::optional<Problem>;
using Check = std::function<Found(const nlohmann::json& value, const std::string& where)>;

struct Field {
    std::string_view name;
    unsigned kinds = kAny;
    bool required = false;
    Check inner = {}; // for a value of the right kind
};

// null counts as missing, as all these services have it.
Found check_object(const nlohmann::json& object, const std::vector<Field>& fields,
                   const std::string& where);

Check one_of(std::vector<std::string_view> values);
Check object_of(std::vector<Field> fields);
Check each(Check inner, std::size_t min = 0, std::size_t max = SIZE_MAX);
Check between(double low, double high);
Check at_most_bytes(std::size_t bytes);
Check digits(); // of a kInt64
Check tagged(std::string key, std::vector<std::pair<std::string_view, Check>> kinds);
Check either(unsigned kinds, Check if_kind, Check otherwise); // by the value's type

Problem wrong(std::string where, std::string text); // Fault::value
bool is_kind(const nlohmann::json& value, unsigned kinds);

} // namespace mr::emulator

#include "tests/emulator/checks.h"

#include <algorithm>

namespace mr::emulator {
namespace {

using nlohmann::json;

std::string join(const std::string& where, std::string_view name) {
    return where.empty() ? std::string(name) : where + "." + std::string(name);
}

std::string kind_names(unsigned kinds) {
    static constexpr std::pair<unsigned, const char*> kNames[] = {
        {kString, "a string"}, {kInt, "an integer"}, {kNumber, "a number"},
        {kBool, "a boolean"},  {kArray, "an array"}, {kObject, "an object"}};
    std::string text;
    for (const auto& [kind, name] : kNames) {
        if ((kinds & kind) != 0) {
            text += (text.empty() ? "" : " or ") + std::string(name);
        }
    }
    return text;
}

} // namespace

bool is_kind(const json& value, unsigned kinds) {
    return (value.is_string() && (kinds & kString)) || (value.is_boolean() && (kinds & kBool)) ||
           (value.is_number_integer() && (kinds & (kInt | kNumber))) ||
           (value.is_number() && (kinds & kNumber)) || (value.is_array() && (kinds & kArray)) ||
           (value.is_object() && (kinds & kObject));
}

Problem wrong(std::string where, std::string text) {
    return {Problem::Fault::value, std::move(where), std::move(text)};
}

Found check_object(const json& object, const std::vector<Field>& fields, const std::string& where) {
    for (const auto& [key, value] : object.items()) {
        const auto field = std::ranges::find(fields, key, &Field::name);
        if (field == fields.end()) {
            return Problem{Problem::Fault::unknown, join(where, key), "is not known"};
        }
        if (value.is_null()) {
            continue;
        }
        if (!is_kind(value, field->kinds)) {
            return Problem{Problem::Fault::type, join(where, key),
                           "has to be " + kind_names(field->kinds)};
        }
        if (field->inner) {
            if (Found found = field->inner(value, join(where, key))) {
                return found;
            }
        }
    }
    for (const Field& field : fields) {
        const auto found = object.find(field.name);
        if (field.required && (found == object.end() || found->is_null())) {
            return Problem{Problem::Fault::missing, join(where, field.name), "is missing"};
        }
    }
    return std::nullopt;
}

Check one_of(std::vector<std::string_view> values) {
    return [values = std::move(values)](const json& value, const std::string& where) -> Found {
        const std::string& text = value.get_ref<const std::string&>();
        if (std::ranges::find(values, text) == values.end()) {
            return wrong(where, "cannot be \"" + text + "\"");
        }
        return std::nullopt;
    };
}

Check object_of(std::vector<Field> fields) {
    return [fields = std::move(fields)](const json& value, const std::string& where) -> Found {
        if (!value.is_object()) {
            return Problem{Problem::Fault::type, where, "has to be an object"};
        }
        return check_object(value, fields, where);
    };
}

Check each(Check inner, std::size_t min, std::size_t max) {
    return
        [inner = std::move(inner), min, max](const json& list, const std::string& where) -> Found {
            if (list.size() < min || list.size() > max) {
                return wrong(where, "cannot have " + std::to_string(list.size()) + " elements");
            }
            for (std::size_t i = 0; i < list.size(); ++i) {
                if (Found found = inner(list[i], where + "[" + std::to_string(i) + "]")) {
                    return found;
                }
            }
            return std::nullopt;
        };
}

Check between(double low, double high) {
    return [low, high](const json& value, const std::string& where) -> Found {
        const double number = value.get<double>();
        if (number < low || number > high) {
            return wrong(where, "is out of range");
        }
        return std::nullopt;
    };
}

Check at_most_bytes(std::size_t bytes) {
    return [bytes](const json& value, const std::string& where) -> Found {
        if (value.get_ref<const std::string&>().size() > bytes) {
            return wrong(where, "is too long");
        }
        return std::nullopt;
    };
}

Check digits() {
    return [](const json& value, const std::string& where) -> Found {
        if (value.is_string()) {
            const std::string& text = value.get_ref<const std::string&>();
            if (text.empty() ||
                text.find_first_not_of("0123456789", text[0] == '-' ? 1 : 0) != std::string::npos) {
                return wrong(where, "is not an int64");
            }
        }
        return std::nullopt;
    };
}

Check tagged(std::string key, std::vector<std::pair<std::string_view, Check>> kinds) {
    return [key = std::move(key), kinds = std::move(kinds)](const json& value,
                                                            const std::string& where) -> Found {
        if (!value.is_object()) {
            return Problem{Problem::Fault::type, where, "has to be an object"};
        }
        const auto tag = value.find(key);
        if (tag == value.end() || !tag->is_string()) {
            return Problem{Problem::Fault::missing, where + "." + key, "is missing"};
        }
        for (const auto& [name, check] : kinds) {
            if (name == tag->get_ref<const std::string&>()) {
                return check(value, where);
            }
        }
        return wrong(where + "." + key, "cannot be " + tag->dump());
    };
}

Check either(unsigned kinds, Check if_kind, Check otherwise) {
    return [=](const json& value, const std::string& where) -> Found {
        const Check& check = is_kind(value, kinds) ? if_kind : otherwise;
        return check ? check(value, where) : std::nullopt;
    };
}

} // namespace mr::emulator

#include "worker/providers/known_json.h"

#include <simdjson.h>

#include <algorithm>
#include <string>

namespace mr {
namespace {

using nlohmann::json;
namespace dom = simdjson::dom;

// Up to here one reader with its memory serves one text after the other.
constexpr std::size_t kReusedBytes = 64 * 1024;
static_assert(simdjson::DEFAULT_MAX_DEPTH == kMaxTextDepth);

class KnownMembers {
  public:
    explicit KnownMembers(std::span<const std::string_view> names) : names_(names) {}

    void put(const dom::element& value, json& into) {
        switch (value.type()) {
        case dom::element_type::ARRAY:
            into = json::array();
            put_items(value.get_array().value_unsafe(), into);
            break;
        case dom::element_type::OBJECT:
            into = json::object();
            put_members(value.get_object().value_unsafe(), into);
            break;
        case dom::element_type::INT64:
            put_integer(value.get_int64().value_unsafe(), into);
            break;
        case dom::element_type::UINT64:
            into = value.get_uint64().value_unsafe();
            break;
        case dom::element_type::DOUBLE:
            into = value.get_double().value_unsafe();
            break;
        case dom::element_type::STRING:
            into = value.get_string().value_unsafe();
            break;
        case dom::element_type::BOOL:
            into = value.get_bool().value_unsafe();
            break;
        case dom::element_type::NULL_VALUE:
            into = nullptr;
            break;
        }
    }

  private:
    // nlohmann's reader has no sign where none is written; comparisons do not care, dumps of types
    // do.
    static void put_integer(std::int64_t number, json& into) {
        if (number < 0) {
            into = number;
        } else {
            into = static_cast<std::uint64_t>(number);
        }
    }

    bool leave_out(const dom::element& value) const {
        return depth_ >= kMaxKnownDepth && (value.is_array() || value.is_object());
    }

    void put_items(const dom::array& items, json& into) {
        ++depth_;
        for (const dom::element& item : items) {
            if (!leave_out(item)) {
                put(item, into.emplace_back());
            }
        }
        --depth_;
    }

    void put_members(const dom::object& members, json& into) {
        ++depth_;
        for (const auto& [name, value] : members) {
            const bool wanted = std::find(names_.begin(), names_.end(), name) != names_.end();
            if (wanted && !value.is_null() && !leave_out(value)) {
                put(value, into[std::string(name)]);
            }
        }
        --depth_;
    }

    std::span<const std::string_view> names_;
    std::size_t depth_ = 0;
};

} // namespace

json parse_known(std::string_view text, std::span<const std::string_view> names) {
    thread_local dom::parser reused;
    dom::parser fresh;
    dom::parser& parser = text.size() <= kReusedBytes ? reused : fresh;
    dom::element root;
    if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) {
        return json(json::value_t::discarded);
    }
    json out;
    KnownMembers(names).put(root, out);
    return out;
}

} // namespace mr

#include "worker/providers/known_json.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace mr {
namespace {

using nlohmann::json;

// Builds what is known, and counts its way out of the rest. nlohmann's parser itself is no
// recursion.
class KnownMembers final : public nlohmann::json_sax<json> {
  public:
    explicit KnownMembers(std::span<const std::string_view> names) : names_(names) {}

    bool null() override {
        const bool in_object = depth_ > 0 && open_[depth_ - 1]->is_object();
        return in_object ? leave_out() : put(json());
    }
    bool boolean(bool value) override { return put(value); }
    bool number_integer(number_integer_t value) override { return put(value); }
    bool number_unsigned(number_unsigned_t value) override { return put(value); }
    bool number_float(number_float_t value, const string_t&) override { return put(value); }
    bool string(string_t& value) override { return put(std::move(value)); }
    bool binary(binary_t&) override { return leave_out(); } // not in JSON

    bool key(string_t& name) override {
        if (skipping_ == 0) {
            wanted_ = std::find(names_.begin(), names_.end(), name) != names_.end();
            name_ = std::move(name);
        }
        return true;
    }

    bool start_object(std::size_t) override { return open(json::value_t::object); }
    bool start_array(std::size_t) override { return open(json::value_t::array); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }

    bool parse_error(std::size_t, const std::string&, const json::exception&) override {
        return false;
    }

    json take() { return std::move(root_); }

  private:
    // Where the next value belongs; null: nowhere.
    json* place() {
        if (skipping_ > 0) {
            return nullptr;
        }
        if (depth_ == 0) {
            return &root_;
        }
        json& holder = *open_[depth_ - 1];
        if (holder.is_array()) {
            return &holder.emplace_back();
        }
        return std::exchange(wanted_, false) ? &holder[name_] : nullptr;
    }

    bool leave_out() {
        wanted_ = false;
        return true;
    }

    template <typename Value> bool put(Value&& value) {
        if (json* where = place()) {
            *where = std::forward<Value>(value);
        }
        return true;
    }

    bool open(json::value_t type) {
        json* where = skipping_ == 0 && depth_ < kMaxKnownDepth ? place() : nullptr;
        if (where == nullptr) {
            ++skipping_;
            return leave_out();
        }
        *where = type;
        open_[depth_++] = where;
        return true;
    }

    bool close() {
        skipping_ > 0 ? --skipping_ : --depth_;
        return true;
    }

    std::span<const std::string_view> names_;
    json root_;
    // Pointers into it stay: a holder gets its next member only when the one before is closed.
    std::array<json*, kMaxKnownDepth> open_{};
    std::size_t depth_ = 0;
    std::size_t skipping_ = 0; // objects and arrays around this place that are left out
    bool wanted_ = false;      // the value behind the name
    std::string name_;
};

} // namespace

json parse_known(std::string_view text, std::span<const std::string_view> names) {
    KnownMembers members(names);
    if (!json::sax_parse(text, &members)) {
        return json(json::value_t::discarded);
    }
    return members.take();
}

} // namespace mr

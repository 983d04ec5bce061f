#include "worker/providers/google/errors.h"

#include "worker/providers/remote_json.h"

#include <charconv>

namespace mr::google {
namespace {

using nlohmann::json;

constexpr double kLongestDelaySeconds = 1e7;

// "12s", "0.5s"
std::optional<std::chrono::milliseconds> delay_of(const json& value) {
    const std::string text = text_of(value);
    double seconds = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    const bool whole =
        read.ec == std::errc() && read.ptr + 1 == text.data() + text.size() && text.ends_with('s');
    if (!whole || !(seconds > 0) || seconds > kLongestDelaySeconds) {
        return std::nullopt;
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

// A quota of a day is not back within a turn.
bool daily(const json& detail) {
    const json& violations = member(detail, "violations");
    for (const json& violation : items_of(violations)) {
        const std::string id = text_of(member(violation, "quotaId"));
        if (id.find("PerDay") != std::string::npos) {
            return true;
        }
    }
    return false;
}

void add_word(model::ApiError& error, const json& value) {
    std::string text = text_of(value);
    if (!text.empty()) {
        error.words.push_back(std::move(text));
    }
}

} // namespace

std::optional<model::ApiError> error_of(const json& object) {
    const json& error = member(object, "error");
    if (error.is_null()) {
        return std::nullopt;
    }
    model::ApiError out;
    const std::int64_t code = count_of(member(error, "code"));
    out.status = code >= 100 && code < 600 ? static_cast<int>(code) : 0;
    out.message = error.is_string() ? text_of(error) : text_of(member(error, "message"));
    add_word(out, member(error, "status"));
    const json& details = member(error, "details");
    for (const json& detail : items_of(details)) {
        add_word(out, member(detail, "reason"));
        if (const auto delay = delay_of(member(detail, "retryDelay"))) {
            out.wait = delay;
        }
        out.lasting = out.lasting || daily(detail);
    }
    return out;
}

} // namespace mr::google

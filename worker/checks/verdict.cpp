#include "worker/checks/verdict_parts.h"
#include "worker/providers/credential.h"
#include "worker/providers/evidence.h"
#include "worker/providers/remote_json.h"
#include "worker/providers/retry.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>

namespace mr::checkup {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr std::size_t kMaxWords = 16;     // of one error object
constexpr std::size_t kMaxNames = 2'000;  // of a list of models that are compared
constexpr std::size_t kMaxNameBytes = 96; // of one
constexpr std::size_t kNearNames = 3;

void add(std::vector<std::string>& words, const json& value) {
    if (words.size() >= kMaxWords) {
        return;
    }
    if (value.is_string() && value.get_ref<const std::string&>().size() <= kMaxNameBytes) {
        words.push_back(value.get<std::string>());
    } else if (value.is_number_integer()) { // Entra's error_codes
        words.push_back(std::to_string(value.get<std::int64_t>()));
    }
}

// Members that hold words, wherever an object of an error has them.
void add_words(ErrorWords& out, const json& object) {
    for (const char* name : {"type", "code", "status", "reason", "error", "category", "policyName",
                             "error_code", "errorType", "err_code"}) {
        add(out.words, member(object, name));
    }
    for (const char* list : {"details", "errors", "error_codes"}) {
        const json& items = member(object, list);
        for (const json& item : items_of(items)) {
            add(out.words, item.is_object() ? member(item, "reason") : item);
            const json& violations = member(item, "violations"); // of Google's QuotaFailure
            for (const json& violation : items_of(violations)) {
                const std::string id = text_of(member(violation, "quotaId"));
                if (id.find("PerDay") != std::string::npos) {
                    out.words.emplace_back(kDailyQuota);
                }
            }
        }
    }
    add(out.words, member(member(object, "details"), "error_code"));
    add(out.words, member(member(object, "pbi.error"), "code"));
}

// Steps from one name to the other: characters put in, taken out, replaced.
std::size_t distance(std::string_view one, std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < one.size(); ++i) {
        std::size_t corner = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < other.size(); ++j) {
            const std::size_t same = corner + (one[i] == other[j] ? 0 : 1);
            corner = row[j + 1];
            row[j + 1] = std::min({same, row[j] + 1, corner + 1});
        }
    }
    return row.back();
}

} // namespace

bool ErrorWords::has(std::string_view word) const {
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::string shown(std::string text, const std::string& secret) {
    text = without_secret(std::move(text), secret);
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = byte >= 0x20 && byte != 0x7F;
        if (plain || (!out.empty() && out.back() != ' ')) {
            out += plain ? c : ' ';
        }
    }
    return std::string(cut_text(out, kMaxWordsBytes));
}

ErrorWords error_words(const json& body, const std::string& secret) {
    ErrorWords out;
    const json& object = body.is_array() && !body.empty() ? body.front() : body;
    const json& error = member(object, "error");
    const json& detail = member(object, "detail"); // ElevenLabs: an object, a list, a text
    add_words(out, error);
    add_words(out, object);
    add_words(out, detail);
    std::string text = text_of(member(error, "message"));
    for (const char* name : {"message", "err_msg", "error_description", "error", "detail"}) {
        text = text.empty() ? text_of(member(object, name)) : text;
    }
    const json& first = detail.is_array() && !detail.empty() ? detail.front() : detail;
    for (const char* name : {"message", "msg"}) {
        text = text.empty() ? text_of(member(first, name)) : text;
    }
    out.message = shown(std::move(text), secret);
    out.param = text_of(member(error, "param"));
    return out;
}

void fail(Finding& finding, Trouble trouble, std::string cause, std::string cure) {
    finding.trouble = trouble;
    finding.cause = std::move(cause);
    finding.cure = std::move(cure);
}

bool judge(const Reply& reply, const Run& run, const Target& target, Finding& finding) {
    finding.latency = reply.latency;
    if (reply.error) {
        judge_error(*reply.error, run, target, finding);
        return false;
    }
    finding.reachable = true;
    finding.clock_ahead = clock_ahead(reply);
    if (!judge_response(reply, target, finding)) {
        return false;
    }
    finding.authorised = true;
    return true;
}

// ---- the clock

std::optional<seconds> clock_ahead(const Reply& reply) {
    const auto there = http_date(std::string(reply.head.header("date")));
    if (!there) {
        return std::nullopt;
    }
    return std::chrono::duration_cast<seconds>(reply.at - *there);
}

std::string clock_words(seconds ahead) {
    constexpr std::int64_t kMinute = 60;
    constexpr std::int64_t kHour = 60 * kMinute;
    constexpr std::int64_t kDay = 24 * kHour;
    const std::int64_t off = std::abs(ahead.count());
    const std::string size = off < 2 * kMinute ? std::to_string(off) + " s"
                             : off < 2 * kHour ? std::to_string(off / kMinute) + " min"
                             : off < 2 * kDay  ? std::to_string(off / kHour) + " h"
                                               : std::to_string(off / kDay) + " days";
    return size + (ahead.count() < 0 ? " behind" : " ahead");
}

// ---- names

std::vector<std::string> near_names(std::string_view name, std::span<const std::string> all) {
    name = name.substr(0, kMaxNameBytes);
    std::vector<std::pair<std::size_t, std::string>> found;
    for (const std::string& other : all.first(std::min(all.size(), kMaxNames))) {
        const std::size_t steps = distance(name, std::string_view(other).substr(0, kMaxNameBytes));
        if (steps <= std::max<std::size_t>(2, name.size() / 2)) {
            found.emplace_back(steps, shown(other, ""));
        }
    }
    std::sort(found.begin(), found.end());
    std::vector<std::string> names;
    for (std::size_t i = 0; i < found.size() && i < kNearNames; ++i) {
        names.push_back(std::move(found[i].second));
    }
    return names;
}

std::string listed(std::span<const std::string> names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

} // namespace mr::checkup

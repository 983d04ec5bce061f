#include "worker/checks/models.h"

#include "worker/providers/remote_json.h"

#include <ctime>
#include <utility>

namespace mr::checkup {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxListed = 2'000;
constexpr std::size_t kDateBytes = 10; // 2026-12-11

std::vector<std::string> names_in(const json& reply, const ModelList& list) {
    std::vector<std::string> names;
    const json& items = member(reply, list.items);
    for (const json& item : items_of(items)) {
        std::string name = text_of(member(item, list.name));
        if (name.starts_with(list.lead)) {
            name.erase(0, list.lead.size());
        }
        if (!name.empty() && names.size() < kMaxListed) {
            names.push_back(std::move(name));
        }
    }
    return names;
}

// Text, or seconds since 1970.
std::string date_of(const json& value) {
    if (value.is_string()) {
        return shown(value.get<std::string>().substr(0, kDateBytes), "");
    }
    const std::time_t at = count_of(value);
    std::tm parts{};
    char text[32];
    if (at <= 0 || gmtime_r(&at, &parts) == nullptr ||
        std::strftime(text, sizeof text, "%Y-%m-%d", &parts) == 0) {
        return "";
    }
    return text;
}

} // namespace

Task<void> suggest_models(const Run& run, const Target& target, const std::string& model,
                          ModelList list, Finding& finding) {
    Question question("GET", std::string(list.path));
    const Reply reply = co_await ask(run, target, std::move(question));
    if (!reply.success()) {
        co_return;
    }
    const std::vector<std::string> names = names_in(reply.json, list);
    const std::vector<std::string> near = near_names(model, names);
    if (!near.empty()) {
        finding.cure += "; near it: " + listed(near);
    } else if (!names.empty()) {
        finding.cure += "; there are " + std::to_string(names.size()) + ", none like it";
    }
}

bool lacks_the_call(const Reply& reply) {
    const int status = reply.head.status;
    if (reply.error || (status != 404 && status != 405 && status != 501)) {
        return false;
    }
    const ErrorWords error = error_words(reply.json, "");
    return !error.has("model_not_found") && !error.has("not_found_error") &&
           !error.has("NOT_FOUND");
}

Task<void> judge_model(const Reply& reply, const Run& run, const Target& target,
                       const std::string& model, ModelList list, Finding& finding) {
    if (judge(reply, run, target, finding)) {
        finding.there = true;
        note_end(reply.json, finding);
    } else if (finding.trouble == Trouble::missing) {
        co_await suggest_models(run, target, model, list, finding);
    }
}

void note_end(const json& model, Finding& finding) {
    const std::string date = date_of(member(model, "shutdown_date"));
    if (!date.empty()) {
        finding.notes.push_back("the model retires on " + date);
    }
}

} // namespace mr::checkup

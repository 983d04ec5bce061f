// What settings of external providers must hold, their key files, and who does which task.
#include "worker/settings_checks.h"

#include <algorithm>
#include <iterator>
#include <sstream>

namespace mr {
namespace {

using checks::check_ca_file;
using checks::check_connection;
using checks::check_proxy;
using checks::Origin;
using checks::plain_name;
using checks::read_api_key;
using checks::refuse;
using checks::trimmed;

void check_model(ModelSettings& model, const std::string& name, bool active, const Origin& origin) {
    read_api_key(model, name, origin);
    check_connection(model, name, origin);
    if (active && model.model.empty()) {
        refuse(origin, name + "_model", "is empty: name the model that is to be asked");
    }
    if (!plain_name(model.model)) {
        refuse(origin, name + "_model", "holds characters that no model's name has");
    }
}

void check_google(const Settings& settings, const Origin& origin) {
    if (settings.gemini_project.empty()) {
        return;
    }
    if (!settings.gemini.api_key.empty()) {
        refuse(origin, "gemini_project", "and gemini_api_key are both given: leave one out");
    }
    if (!plain_name(settings.gemini_project)) {
        refuse(origin, "gemini_project", "holds characters that no project's id has");
    }
    if (settings.gemini_location.empty() || !plain_name(settings.gemini_location)) {
        refuse(origin, "gemini_location", "is no location such as global or europe-west4");
    }
    checks::check_google_access(settings, origin);
}

// ---- who does what

constexpr std::string_view kAuto = "auto";
constexpr std::string_view kEmbedded = "embedded";
constexpr std::string_view kNames[] = {"openai", "anthropic", "gemini"};

// Where the embedded provider stands in the row of those who may do a task.
enum class Embedded : unsigned char { behind, alone, never };

// For each task the models in the order in which "auto" wants them: the first one as the original
// backend had it. The embedded provider stands behind them where it can stand in without the user
// reading something else than before.
struct TaskRow {
    std::string_view task;
    const std::string Settings::* setting;
    std::string_view wanted[3];
    Embedded embedded;
};
constexpr TaskRow kTasks[] = {
    {"extractor", &Settings::extractor, {"gemini", "openai", "anthropic"}, Embedded::behind},
    {"router", &Settings::router, {"openai", "gemini", "anthropic"}, Embedded::behind},
    {"sql_writer", &Settings::sql_writer, {"anthropic", "openai", "gemini"}, Embedded::behind},
    {"merger", &Settings::merger, {"openai", "gemini", "anthropic"}, Embedded::behind},
    {"responder", &Settings::responder, {"openai", "anthropic", "gemini"}, Embedded::alone},
    {"dax_writer", &Settings::dax_writer, {"anthropic", "openai", "gemini"}, Embedded::never},
};

std::vector<std::string> listed(const std::string& text) {
    std::vector<std::string> names;
    std::stringstream list(text);
    for (std::string item; std::getline(list, item, ',');) {
        names.push_back(trimmed(item));
    }
    if (text.ends_with(',')) {
        names.emplace_back();
    }
    return names;
}

// What the embedded provider knows is the embedded data.
Embedded embedded_in(const Settings& settings, const TaskRow& task) {
    const bool other_data = (task.task == "extractor" && settings.own_projects()) ||
                            (task.task == "sql_writer" && settings.bigquery_active());
    return other_data ? Embedded::never : task.embedded;
}

std::vector<std::string> automatic(const Settings& settings, const TaskRow& task) {
    std::vector<std::string> names;
    for (const std::string_view name : task.wanted) {
        if (settings.active(name)) {
            names.emplace_back(name);
        }
    }
    const Embedded embedded = embedded_in(settings, task);
    if (embedded == Embedded::behind || (names.empty() && embedded == Embedded::alone)) {
        names.emplace_back(kEmbedded);
    }
    return names;
}

void check_task(const Settings& settings, const TaskRow& task, const Origin& origin) {
    const std::string& text = settings.*task.setting;
    const std::vector<std::string> names = listed(text);
    if (text == kAuto) {
        if (automatic(settings, task).empty() && task.embedded != Embedded::never) {
            refuse(origin, task.task,
                   "has nobody: set up a language model, such as with openai_api_key");
        }
        return;
    }
    for (const std::string& name : names) {
        const bool model =
            std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
        const bool once = std::count(names.begin(), names.end(), name) == 1;
        const bool can_be_embedded = embedded_in(settings, task) != Embedded::never;
        if ((!model && !(name == kEmbedded && can_be_embedded)) || !once) {
            refuse(origin, task.task,
                   "is '" + text + "', not auto or a list of openai, anthropic, gemini" +
                       (can_be_embedded ? ", embedded" : "") + ", each once");
        }
        if (model && !settings.active(name)) {
            refuse(origin, task.task, "names " + name + ", which has no " + name + "_api_key");
        }
    }
    if (names.empty()) {
        refuse(origin, task.task, "is empty: auto, or who is to do it");
    }
}

} // namespace

// In development mode (stub_openai) OpenAI is not asked at all.
bool Settings::active(std::string_view provider) const {
    const auto named = [](const ModelSettings& model, std::string_view url) {
        return !model.api_key.empty() || model.base_url != url;
    };
    if (provider == "openai") {
        return !stub_openai && named(openai, kOpenAiUrl);
    }
    return provider == "anthropic"
               ? named(anthropic, kAnthropicUrl)
               : provider == "gemini" && (named(gemini, kGeminiUrl) || !gemini_project.empty());
}

// Vertex AI has a host per region, one for each group of regions and one for all.
std::string Settings::gemini_url() const {
    if (gemini_project.empty()) {
        return gemini.base_url;
    }
    std::string url = gemini.base_url;
    if (url == kGeminiUrl) {
        const std::string& at = gemini_location;
        const std::string host = at == "global"             ? "aiplatform"
                                 : at == "us" || at == "eu" ? "aiplatform." + at + ".rep"
                                                            : at + "-aiplatform";
        url = "https://" + host + ".googleapis.com/v1";
    }
    while (url.ends_with('/')) {
        url.pop_back();
    }
    return url + "/projects/" + gemini_project + "/locations/" + gemini_location +
           "/publishers/google";
}

std::vector<std::string> Settings::providers_of(std::string_view task) const {
    for (const TaskRow& row : kTasks) {
        if (row.task == task) {
            return this->*row.setting == kAuto ? automatic(*this, row) : listed(this->*row.setting);
        }
    }
    return {};
}

void check_provider_settings(Settings& settings, const Origin& origin) {
    check_model(settings.openai, "openai", settings.active("openai"), origin);
    check_model(settings.anthropic, "anthropic", settings.active("anthropic"), origin);
    check_model(settings.gemini, "gemini", settings.active("gemini"), origin);
    check_google(settings, origin);
    checks::check_data_providers(settings, origin);
    if (settings.openai_api != "chat" && settings.openai_api != "responses") {
        refuse(origin, "openai_api", "is '" + settings.openai_api + "', not chat or responses");
    }
    if (settings.anthropic.version.empty() || !plain_name(settings.anthropic.version)) {
        refuse(origin, "anthropic_version", "is no version such as 2023-06-01");
    }
    for (const TaskRow& task : kTasks) {
        check_task(settings, task, origin);
    }
    check_proxy(settings.provider_proxy, origin, "provider_proxy");
    check_ca_file(settings.provider_ca_file, origin, "provider_ca_file");
}

} // namespace mr

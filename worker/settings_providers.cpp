// What settings of external providers must hold, their key files, and who does which task.
#include "worker/providers/google/service_account.h"
#include "worker/settings.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

namespace mr {
namespace {

using Origin = std::function<std::string(std::string_view key)>;

[[noreturn]] void refuse(const Origin& origin, std::string_view key, const std::string& what) {
    throw SettingsError(origin(key) + ": " + std::string(key) + " " + what);
}

std::string trimmed(const std::string& text) {
    const size_t begin = text.find_first_not_of(" \t\r\n");
    const size_t end = text.find_last_not_of(" \t\r\n");
    return begin == std::string::npos ? std::string() : text.substr(begin, end - begin + 1);
}

// Goes into a header: printable ASCII without blanks.
bool usable_key(const std::string& key) {
    return std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

std::string read_key_file(const std::string& path, const Origin& origin,
                          const std::string& setting) {
    std::ifstream file(path, std::ios::binary);
    std::string text(kMaxKeyFileBytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    if (!file.eof()) {
        refuse(origin, setting,
               text.empty() ? "names " + path + ", which cannot be read"
                            : "names " + path + ", which is larger than a key");
    }
    std::string key = trimmed(text);
    if (key.empty() || !usable_key(key)) {
        refuse(origin, setting, "names " + path + ", which holds no key on one line");
    }
    return key;
}

void check_url(const std::string& url, const Origin& origin, std::string_view setting) {
    const size_t scheme = url.starts_with("https://")  ? 8
                          : url.starts_with("http://") ? 7
                                                       : std::string::npos;
    const bool plain =
        std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7F; });
    if (scheme == std::string::npos || scheme == url.size() || !plain ||
        url.find_first_of("?#") != std::string::npos) {
        refuse(origin, setting, "is not a URL such as https://host:port/path");
    }
    if (url.substr(0, url.find('/', scheme)).find('@') != std::string::npos) {
        refuse(origin, setting, "holds a user name: give the key as a setting of its own");
    }
}

// Of a host and a port, as in "127.0.0.1:8443" or "[::1]:8443".
bool host_and_port(const std::string& text) {
    const size_t colon = text.rfind(':');
    return colon != std::string::npos && colon > 0 && colon + 1 < text.size() &&
           text.find_first_not_of("0123456789", colon + 1) == std::string::npos &&
           text.find_first_of(" /@,") == std::string::npos;
}

void check_proxy(const std::string& url, const Origin& origin, std::string_view setting) {
    if (!url.empty() && !url.starts_with("http://") && !url.starts_with("https://")) {
        refuse(origin, setting, "is not a URL such as http://host:3128");
    }
}

void check_ca_file(const std::string& path, const Origin& origin, std::string_view setting) {
    if (!path.empty() && !std::ifstream(path)) {
        refuse(origin, setting, "names " + path + ", which cannot be read");
    }
}

// Goes into a path or a header.
bool plain_name(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::strchr("._-:/@", c);
    });
}

template <typename Group>
void read_api_key(Group& model, const std::string& name, const Origin& origin) {
    if (!model.api_key_file.empty()) {
        if (!model.api_key.empty()) {
            refuse(origin, name + "_api_key_file",
                   "and " + name + "_api_key are both given: leave one out");
        }
        model.api_key = read_key_file(model.api_key_file, origin, name + "_api_key_file");
    }
    if (!usable_key(model.api_key)) {
        refuse(origin, name + "_api_key", "holds characters that no key has");
    }
}

void check_model(ModelSettings& model, const std::string& name, bool active, const Origin& origin) {
    read_api_key(model, name, origin);
    check_url(model.base_url, origin, name + "_base_url");
    if (active && model.model.empty()) {
        refuse(origin, name + "_model", "is empty: name the model that is to be asked");
    }
    if (!plain_name(model.model)) {
        refuse(origin, name + "_model", "holds characters that no model's name has");
    }
    check_ca_file(model.ca_file, origin, name + "_ca_file");
    check_proxy(model.proxy, origin, name + "_proxy");
    if (!model.connect_to.empty() && !host_and_port(model.connect_to)) {
        refuse(origin, name + "_connect_to", "is not host:port");
    }
}

void check_api_path(const std::string& path, const Origin& origin, std::string_view setting) {
    if (!path.starts_with('/') || path.ends_with('/') || !plain_name(path)) {
        refuse(origin, setting, "is no path such as /crm/v3/objects");
    }
}

void check_hubspot(HubSpotSettings& hubspot, const Origin& origin) {
    read_api_key(hubspot, "hubspot", origin);
    check_url(hubspot.base_url, origin, "hubspot_base_url");
    check_api_path(hubspot.objects_path, origin, "hubspot_objects_path");
    check_api_path(hubspot.pipelines_path, origin, "hubspot_pipelines_path");
    if (!plain_name(hubspot.project_property)) {
        refuse(origin, "hubspot_project_property", "holds characters that no property's name has");
    }
    const std::string& value = hubspot.project_value;
    if (value != "id" && value != "code" && value != "name") {
        refuse(origin, "hubspot_project_value", "is '" + value + "', not id, code or name");
    }
    check_ca_file(hubspot.ca_file, origin, "hubspot_ca_file");
    check_proxy(hubspot.proxy, origin, "hubspot_proxy");
    if (!hubspot.connect_to.empty() && !host_and_port(hubspot.connect_to)) {
        refuse(origin, "hubspot_connect_to", "is not host:port");
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
    if (!settings.google_token_url.empty()) {
        check_url(settings.google_token_url, origin, "google_token_url");
    }
    check_url(settings.google_metadata_url, origin, "google_metadata_url");
    const std::string& file = settings.google_credentials_file;
    try {
        if (!file.empty()) {
            google::read_service_account(file);
        }
    } catch (const std::runtime_error& error) {
        refuse(origin, "google_credentials_file", "names " + file + ": " + error.what());
    }
}

// ---- who does what

constexpr std::string_view kAuto = "auto";
constexpr std::string_view kEmbedded = "embedded";
constexpr std::string_view kNames[] = {"openai", "anthropic", "gemini"};

// For each task the models in the order in which "auto" wants them: the first one as the original
// backend had it. The embedded provider stands behind them where it can stand in without the user
// reading something else than before.
struct TaskRow {
    std::string_view task;
    const std::string Settings::* setting;
    std::string_view wanted[3];
    bool embedded_behind;
};
constexpr TaskRow kTasks[] = {
    {"extractor", &Settings::extractor, {"gemini", "openai", "anthropic"}, true},
    {"router", &Settings::router, {"openai", "gemini", "anthropic"}, true},
    {"sql_writer", &Settings::sql_writer, {"anthropic", "openai", "gemini"}, true},
    {"merger", &Settings::merger, {"openai", "gemini", "anthropic"}, true},
    {"responder", &Settings::responder, {"openai", "anthropic", "gemini"}, false},
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

std::vector<std::string> automatic(const Settings& settings, const TaskRow& task) {
    std::vector<std::string> names;
    for (const std::string_view name : task.wanted) {
        if (settings.active(name)) {
            names.emplace_back(name);
        }
    }
    if (names.empty() || task.embedded_behind) {
        names.emplace_back(kEmbedded);
    }
    return names;
}

void check_task(const Settings& settings, const TaskRow& task, const Origin& origin) {
    const std::string& text = settings.*task.setting;
    const std::vector<std::string> names = listed(text);
    if (text == kAuto) {
        return;
    }
    for (const std::string& name : names) {
        const bool model =
            std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
        const bool once = std::count(names.begin(), names.end(), name) == 1;
        if ((!model && name != kEmbedded) || !once) {
            refuse(origin, task.task,
                   "is '" + text +
                       "', not auto or a list of openai, anthropic, gemini, embedded, each once");
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

bool Settings::hubspot_active() const {
    return !hubspot.api_key.empty() || hubspot.base_url != kHubSpotUrl;
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
    check_hubspot(settings.hubspot, origin);
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

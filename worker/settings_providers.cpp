// What settings of external providers must hold, and their key files.
#include "worker/settings.h"

#include <algorithm>
#include <fstream>
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

std::string read_key_file(const std::string& path, const Origin& origin, std::string_view setting) {
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

} // namespace

void check_provider_settings(Settings& settings, const Origin& origin) {
    if (!settings.openai_api_key_file.empty()) {
        if (!settings.openai_api_key.empty()) {
            refuse(origin, "openai_api_key_file",
                   "and openai_api_key are both given: leave one out");
        }
        settings.openai_api_key =
            read_key_file(settings.openai_api_key_file, origin, "openai_api_key_file");
    }
    if (!usable_key(settings.openai_api_key)) {
        refuse(origin, "openai_api_key", "holds characters that no key has");
    }
    check_url(settings.openai_base_url, origin, "openai_base_url");
    if (settings.openai_active() && settings.openai_model.empty()) {
        refuse(origin, "openai_model", "is empty: name the model that writes the answers");
    }
    if (!settings.provider_proxy.empty() && !settings.provider_proxy.starts_with("http://") &&
        !settings.provider_proxy.starts_with("https://")) {
        refuse(origin, "provider_proxy", "is not a URL such as http://host:3128");
    }
    if (!settings.provider_ca_file.empty() && !std::ifstream(settings.provider_ca_file)) {
        refuse(origin, "provider_ca_file",
               "names " + settings.provider_ca_file + ", which cannot be read");
    }
}

} // namespace mr

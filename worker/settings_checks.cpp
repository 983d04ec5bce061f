#include "worker/settings_checks.h"

#include "worker/providers/google/service_account.h"
#include "worker/small_file.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace mr::checks {

void refuse(const Origin& origin, std::string_view key, const std::string& what) {
    throw SettingsError(origin(key) + ": " + std::string(key) + " " + what);
}

void check_word(const std::string& value, std::initializer_list<std::string_view> words,
                const Origin& origin, std::string_view setting) {
    std::string list;
    for (const std::string_view word : words) {
        if (value == word) {
            return;
        }
        list += (list.empty() ? "" : ", ") + std::string(word);
    }
    refuse(origin, setting, "is '" + value + "', not one of " + list);
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
    std::string key;
    try {
        key = trimmed(read_small_file(path, kMaxKeyFileBytes));
    } catch (const std::runtime_error& error) {
        refuse(origin, setting, "names " + path + ": " + error.what());
    }
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

void check_api_path(const std::string& path, const Origin& origin, std::string_view setting) {
    if (!path.starts_with('/') || path.ends_with('/') || !plain_name(path)) {
        refuse(origin, setting, "is no path such as /crm/v3/objects");
    }
}

void check_google_access(const Settings& settings, const Origin& origin) {
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

} // namespace mr::checks

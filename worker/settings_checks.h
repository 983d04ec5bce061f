// Checks that settings of several providers share. Each throws SettingsError that names the
// setting, what is wrong, and where the value came from; none has a secret in it.
#pragma once

#include "worker/settings.h"

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

namespace mr::checks {

using Origin = std::function<std::string(std::string_view key)>;

[[noreturn]] void refuse(const Origin& origin, std::string_view key, const std::string& what);

std::string trimmed(const std::string& text);
// Goes into a header: printable ASCII without blanks.
bool usable_key(const std::string& key);
// Goes into a path or a header.
bool plain_name(const std::string& text);
// As in "127.0.0.1:8443" or "[::1]:8443".
bool host_and_port(const std::string& text);

std::string read_key_file(const std::string& path, const Origin& origin,
                          const std::string& setting);
void check_url(const std::string& url, const Origin& origin, std::string_view setting);
void check_proxy(const std::string& url, const Origin& origin, std::string_view setting);
void check_ca_file(const std::string& path, const Origin& origin, std::string_view setting);
void check_api_path(const std::string& path, const Origin& origin, std::string_view setting);

// Google's credentials, for whichever of its APIs is asked with them.
void check_google_access(const Settings& settings, const Origin& origin);

// The key of a provider, also out of its file.
template <typename Group>
void read_api_key(Group& group, const std::string& name, const Origin& origin) {
    if (!group.api_key_file.empty()) {
        if (!group.api_key.empty()) {
            refuse(origin, name + "_api_key_file",
                   "and " + name + "_api_key are both given: leave one out");
        }
        group.api_key = read_key_file(group.api_key_file, origin, name + "_api_key_file");
    }
    if (!usable_key(group.api_key)) {
        refuse(origin, name + "_api_key", "holds characters that no key has");
    }
}

// Where a provider is and how it is reached.
template <typename Group>
void check_connection(const Group& group, const std::string& name, const Origin& origin) {
    check_url(group.base_url, origin, name + "_base_url");
    check_ca_file(group.ca_file, origin, name + "_ca_file");
    check_proxy(group.proxy, origin, name + "_proxy");
    if (!group.connect_to.empty() && !host_and_port(group.connect_to)) {
        refuse(origin, name + "_connect_to", "is not host:port");
    }
}

// One of these.
void check_word(const std::string& value, std::initializer_list<std::string_view> words,
                const Origin& origin, std::string_view setting);

void check_bigquery(Settings& settings, const Origin& origin);
void check_voice(Settings& settings, const Origin& origin);
void check_data_providers(Settings& settings, const Origin& origin);

} // namespace mr::checks

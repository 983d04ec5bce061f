// The configuration file, by toml++: the one file that includes it.
#include "worker/settings.h"

#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

namespace mr {
namespace {

std::string place(const std::string& path, const toml::source_region& source) {
    return path + ":" + std::to_string(source.begin.line);
}

std::string as_text(const toml::node& node) {
    if (const auto* text = node.as_string()) {
        return text->get();
    }
    if (const auto* number = node.as_integer()) {
        return std::to_string(number->get());
    }
    if (const auto* flag = node.as_boolean()) {
        return flag->get() ? "true" : "false";
    }
    std::ostringstream other;
    other << toml::node_view<const toml::node>(node);
    return other.str();
}

} // namespace

RawSettings read_config_file(const std::string& path) {
    toml::table table;
    try {
        table = toml::parse_file(path);
    } catch (const toml::parse_error& error) {
        throw SettingsError(place(path, error.source()) + ": " + std::string(error.description()));
    }
    RawSettings settings;
    for (const auto& [name, node] : table) {
        const std::string key(name.str());
        const auto rows = setting_rows();
        const bool known = std::any_of(rows.begin(), rows.end(),
                                       [&key](const SettingRow& row) { return row.key == key; });
        const std::string origin = place(path, node.source());
        if (!known) {
            throw SettingsError(origin + ": unknown setting '" + key +
                                "'; mr-worker --help lists them");
        }
        settings[key] = {as_text(node), origin};
    }
    return settings;
}

} // namespace mr

#include "worker/settings.h"

#include "shared/ids.h"
#include "worker/log.h"
#include "worker/metrics/server.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <ostream>
#include <sstream>

namespace mr {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kSecond = 1000;
constexpr uint64_t kMinute = 60 * kSecond;
constexpr uint64_t kHour = 60 * kMinute;
constexpr uint64_t kDay = 24 * kHour;

bool other_name(std::string_view variable, std::string_view key) {
    return std::any_of(
        other_setting_names().begin(), other_setting_names().end(),
        [&](const OtherName& name) { return name.variable == variable && name.key == key; });
}

[[noreturn]] void fail(const SettingRow& row, const RawSetting& raw, const std::string& allowed) {
    throw SettingsError(raw.origin + ": " + std::string(row.key) + " is '" + raw.text + "', not " +
                        allowed);
}

std::string format_duration(uint64_t ms) {
    const std::pair<uint64_t, const char*> units[] = {{kHour, "h"}, {kMinute, "m"}, {kSecond, "s"}};
    for (const auto& unit : units) {
        if (ms != 0 && ms % unit.first == 0) {
            return std::to_string(ms / unit.first) + unit.second;
        }
    }
    return std::to_string(ms) + "ms";
}

std::optional<uint64_t> parse_duration(std::string_view text) {
    if (text == "0") { // the same in every unit
        return 0;
    }
    const std::pair<std::string_view, uint64_t> units[] = {
        {"ms", 1}, {"s", kSecond}, {"m", kMinute}, {"h", kHour}, {"d", kDay}};
    for (const auto& unit : units) {
        if (text.ends_with(unit.first)) {
            const auto count = parse_decimal(text.substr(0, text.size() - unit.first.size()));
            if (!count) {
                continue;
            }
            return *count <= UINT64_MAX / unit.second ? std::optional(*count * unit.second)
                                                      : std::nullopt;
        }
    }
    return std::nullopt;
}

void convert(const SettingRow& row, const RawSetting& raw, Settings& settings) {
    const SettingValue value = row.member.in(settings);
    if (const auto* text = std::get_if<std::string*>(&value)) {
        **text = raw.text;
    } else if (const auto* count = std::get_if<uint64_t*>(&value)) {
        const auto number = parse_decimal(raw.text);
        if (!number || *number < row.min || *number > row.max) {
            fail(row, raw,
                 "a whole number (" + std::string(row.unit) + ") from " + std::to_string(row.min) +
                     " to " + std::to_string(row.max));
        }
        **count = *number;
    } else if (const auto* time = std::get_if<milliseconds*>(&value)) {
        const auto duration = parse_duration(raw.text);
        if (!duration || *duration < row.min || *duration > row.max) {
            fail(row, raw,
                 "a duration such as 250ms, 30s, 5m or 24h from " + format_duration(row.min) +
                     " to " + format_duration(row.max));
        }
        **time = milliseconds(static_cast<int64_t>(*duration));
    } else {
        const bool yes = raw.text == "true" || raw.text == "1" || raw.text == "on";
        const bool no = raw.text == "false" || raw.text == "0" || raw.text == "off";
        if (!yes && !no) {
            fail(row, raw, "true or false");
        }
        *std::get<bool*>(value) = yes;
    }
}

RawSetting chosen(const SettingRow& row, std::span<const RawSettings> layers) {
    for (const RawSettings& layer : layers) {
        const auto found = layer.find(row.key);
        if (found != layer.end()) {
            return found->second;
        }
    }
    return {std::string(row.fallback), "default"};
}

void read_password(const RawSetting& raw, const FixedText<255>& file,
                   FixedText<kMaxRedisPasswordChars>& password) {
    if (file.empty()) {
        return;
    }
    const std::string path(file.view());
    std::ifstream stream(path);
    std::stringstream contents;
    contents << stream.rdbuf();
    if (!stream) {
        throw SettingsError(raw.origin + ": redis: password_file " + path + " cannot be read");
    }
    if (const char* wrong = set_redis_password(password, contents.str())) {
        throw SettingsError(raw.origin + ": redis: password_file " + path + ": " + wrong);
    }
}

void check_redis(const RawSetting& raw, Settings& settings) {
    RedisUrl& url = settings.redis_url;
    if (const char* wrong = parse_redis_url(settings.redis, url)) {
        throw SettingsError(raw.origin + ": redis: " + wrong);
    }
    read_password(raw, url.password_file, url.password);
    read_password(raw, url.sentinels.password_file, url.sentinels.password);
}

void check_metrics_listen(const Settings& settings, std::span<const RawSettings> layers) {
    if (settings.metrics_listen.empty()) {
        return;
    }
    try {
        metrics::parse_listen_address(settings.metrics_listen);
    } catch (const std::runtime_error& error) {
        const auto row = std::find_if(setting_rows().begin(), setting_rows().end(),
                                      [](const auto& one) { return one.key == "metrics_listen"; });
        throw SettingsError(chosen(*row, layers).origin + ": metrics_listen: " + error.what());
    }
}

} // namespace

std::string SettingRow::flag() const {
    std::string flag = "--" + std::string(key);
    std::replace(flag.begin(), flag.end(), '_', '-');
    return flag;
}

std::string SettingRow::variable() const {
    std::string name = "MR_" + std::string(key);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return name;
}

std::vector<std::string> Settings::app_names() const {
    std::vector<std::string> names;
    std::stringstream list(apps);
    for (std::string item; std::getline(list, item, ',');) {
        names.push_back(item);
    }
    return names;
}

RawSettings read_environment(const char* const* environment) {
    RawSettings settings;
    for (; *environment != nullptr; ++environment) {
        const std::string_view entry = *environment;
        const size_t equals = entry.find('=');
        const std::string_view name = entry.substr(0, equals);
        for (const SettingRow& row : setting_rows()) {
            const bool known = settings.contains(row.key); // our own name counts more
            if ((name == row.variable() || (other_name(name, row.key) && !known)) &&
                equals != std::string_view::npos) {
                settings[std::string(row.key)] = {std::string(entry.substr(equals + 1)),
                                                  "environment " + std::string(name)};
            }
        }
    }
    return settings;
}

Settings make_settings(std::span<const RawSettings> layers) {
    Settings settings;
    RawSetting redis;
    for (const SettingRow& row : setting_rows()) {
        const RawSetting raw = chosen(row, layers);
        convert(row, raw, settings);
        if (row.key == "redis") {
            redis = raw;
        }
        log::Level level{};
        if (row.key == "log_level" && !log::parse_level(raw.text, level)) {
            fail(row, raw, "one of debug, info, warn, error");
        }
        if (row.key == "apps") {
            const std::vector<std::string> names = settings.app_names();
            const bool known = std::all_of(names.begin(), names.end(), [](const auto& name) {
                return name == "chat" || name == "tts" || name == "echo" || name == "bench";
            });
            if (names.empty() || !known) {
                fail(row, raw, "a comma-separated list of chat, tts, echo, bench");
            }
        }
    }
    check_redis(redis, settings);
    check_metrics_listen(settings, layers);
    check_provider_settings(settings, [layers](std::string_view key) {
        const auto row = std::find_if(setting_rows().begin(), setting_rows().end(),
                                      [key](const SettingRow& one) { return one.key == key; });
        return chosen(*row, layers).origin;
    });
    return settings;
}

void print_settings(std::ostream& out, const Settings& settings) {
    Settings copy = settings; // the table's members lead to values that may be written
    for (const SettingRow& row : setting_rows()) {
        const SettingValue value = row.member.in(copy);
        if (row.secret) {
            const bool set = !std::get<std::string*>(value)->empty();
            out << "# " << row.key << (set ? " is set\n" : " is not set\n");
            continue;
        }
        out << row.key << " = ";
        if (row.key == "redis") {
            char name[kMaxRedisNameChars];
            out << '"' << std::string_view(name, format_redis_name(settings.redis_url, name))
                << '"';
        } else if (const auto* text = std::get_if<std::string*>(&value)) {
            out << '"' << **text << '"';
        } else if (const auto* count = std::get_if<uint64_t*>(&value)) {
            out << **count;
        } else if (const auto* time = std::get_if<milliseconds*>(&value)) {
            out << '"' << format_duration(static_cast<uint64_t>((*time)->count())) << '"';
        } else {
            out << (*std::get<bool*>(value) ? "true" : "false");
        }
        out << '\n';
    }
}

} // namespace mr

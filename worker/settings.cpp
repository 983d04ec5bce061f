#include "worker/settings.h"

#include "shared/ids.h"
#include "worker/log.h"

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
constexpr std::string_view kOpenAiUrl = "https://api.openai.com/v1";

const SettingRow kRows[] = {
    {"redis", "redis://127.0.0.1:6379", &Settings::redis, 0, 0, "URL",
     "Redis: redis://, rediss://, unix: or sentinel://, as the gateway uses it"},
    {"apps", "chat", &Settings::apps, 0, 0, "names", "what this worker serves: chat, echo, bench"},
    {"name", "", &Settings::name, 0, 0, "text",
     "leads the worker's name in Redis and logs (default: the host name)"},
    {"ready_file", "", &Settings::ready_file, 0, 0, "path",
     "written when the worker serves, removed when it stops"},
    {"data_dir", "data", &Settings::data_dir, 0, 0, "path",
     "directory of the embedded company data, made when missing"},
    {"log_level", "info", &Settings::log_level, 0, 0, "level", "debug, info, warn or error"},
    {"partitions", "16", &Settings::partitions, 1, 256, "count",
     "partitions of the deployment; must be the same everywhere"},
    {"max_sessions", "2000", &Settings::max_sessions, 1, 100'000, "count",
     "sessions with work at the same time"},
    {"max_attempts", "3", &Settings::max_attempts, 1, 20, "count",
     "owners that may try the same question before it is given up"},
    {"max_message_bytes", "32768", &Settings::max_message_bytes, 1, 16u << 20, "bytes",
     "longest question"},
    {"max_queued_questions", "8", &Settings::max_queued_questions, 0, 1000, "count",
     "questions that may wait behind a running answer of their session"},
    {"history_messages", "40", &Settings::history_messages, 0, 1000, "count",
     "messages of a conversation that are remembered"},
    {"sql_threads", "2", &Settings::sql_threads, 1, 64, "count",
     "threads for queries to the embedded data"},
    {"local_tokens_per_second", "80", &Settings::local_tokens_per_second, 0, 1'000'000, "1/s",
     "pace of the embedded answer; 0 is as fast as it goes"},
    {"bench_upstream", "", &Settings::bench_upstream, 0, 0, "URL",
     "where the app bench has its steps done (http://host:port/path)"},
    {"lease", "5s", &Settings::lease, 500, 10 * kMinute, "",
     "after this long without a sign of life a worker's sessions are taken over"},
    {"turn_budget", "120s", &Settings::turn_budget, kSecond, kHour, "",
     "longest time for one answer"},
    {"resume_window", "300s", &Settings::resume_window, kSecond, 7 * kDay, "",
     "how long a client that went away finds its answer"},
    {"session_ttl", "24h", &Settings::session_ttl, kMinute, 366 * kDay, "",
     "how long a conversation is remembered"},
    {"linger", "250ms", &Settings::linger, 1, kMinute, "",
     "how long a session without mail is kept in hand"},
    {"text_window", "25ms", &Settings::text_window, 0, kSecond, "",
     "pieces of the answer within it are sent as one"},
    {"drain", "60s", &Settings::drain, 0, kHour, "",
     "time for running answers after SIGTERM; then they are handed over"},
    {"stub_openai", "false", &Settings::stub_openai, 0, 0, "",
     "development mode: the answer repeats the findings, no model is asked"},
    {"openai_api_key", "", &Settings::openai_api_key, 0, 0, "key",
     "OpenAI writes the answers; better given as a file or variable (also OPENAI_API_KEY)", true},
    {"openai_api_key_file", "", &Settings::openai_api_key_file, 0, 0, "path",
     "file that holds the key"},
    {"openai_base_url", kOpenAiUrl, &Settings::openai_base_url, 0, 0, "URL",
     "any server that speaks Chat Completions; one other than OpenAI's needs no key (also "
     "OPENAI_BASE_URL)"},
    {"openai_model", "gpt-6-luna", &Settings::openai_model, 0, 0, "name",
     "model that writes the answers (also OPENAI_MODEL)"},
    {"openai_first_byte_timeout", "30s", &Settings::openai_first_byte_timeout, 100, 10 * kMinute,
     "", "until the model begins to answer"},
    {"openai_idle_timeout", "30s", &Settings::openai_idle_timeout, 100, 10 * kMinute, "",
     "longest silence of the model within an answer"},
    {"openai_retries", "2", &Settings::openai_retries, 0, 10, "count",
     "further tries before the first word of an answer"},
    {"provider_ca_file", "", &Settings::provider_ca_file, 0, 0, "path",
     "certificates external providers are checked by (default: the system's)"},
    {"provider_proxy", "", &Settings::provider_proxy, 0, 0, "URL",
     "HTTP proxy towards external providers; none is taken from the environment", true},
    {"provider_connect_timeout", "5s", &Settings::provider_connect_timeout, 100, kMinute, "",
     "name lookup, connection and TLS towards an external provider"},
};

// Names that the original backend, or the vendor's own clients, use.
struct OtherName {
    std::string_view variable;
    std::string_view key;
};
constexpr OtherName kOtherNames[] = {
    {"STUB_OPENAI", "stub_openai"},
    {"OPENAI_API_KEY", "openai_api_key"},
    {"OPENAI_BASE_URL", "openai_base_url"},
    {"OPENAI_MODEL", "openai_model"},
};

bool other_name(std::string_view variable, std::string_view key) {
    return std::any_of(std::begin(kOtherNames), std::end(kOtherNames), [&](const OtherName& name) {
        return name.variable == variable && name.key == key;
    });
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
    if (const auto* text = std::get_if<std::string Settings::*>(&row.member)) {
        settings.*(*text) = raw.text;
    } else if (const auto* count = std::get_if<uint64_t Settings::*>(&row.member)) {
        const auto value = parse_decimal(raw.text);
        if (!value || *value < row.min || *value > row.max) {
            fail(row, raw,
                 "a whole number (" + std::string(row.unit) + ") from " + std::to_string(row.min) +
                     " to " + std::to_string(row.max));
        }
        settings.*(*count) = *value;
    } else if (const auto* time = std::get_if<milliseconds Settings::*>(&row.member)) {
        const auto value = parse_duration(raw.text);
        if (!value || *value < row.min || *value > row.max) {
            fail(row, raw,
                 "a duration such as 250ms, 30s, 5m or 24h from " + format_duration(row.min) +
                     " to " + format_duration(row.max));
        }
        settings.*(*time) = milliseconds(static_cast<int64_t>(*value));
    } else {
        const bool yes = raw.text == "true" || raw.text == "1" || raw.text == "on";
        const bool no = raw.text == "false" || raw.text == "0" || raw.text == "off";
        if (!yes && !no) {
            fail(row, raw, "true or false");
        }
        settings.*std::get<bool Settings::*>(row.member) = yes;
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

} // namespace

std::span<const SettingRow> setting_rows() {
    return kRows;
}

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

bool Settings::openai_active() const {
    return !openai_api_key.empty() || openai_base_url != kOpenAiUrl;
}

RawSettings read_environment(const char* const* environment) {
    RawSettings settings;
    for (; *environment != nullptr; ++environment) {
        const std::string_view entry = *environment;
        const size_t equals = entry.find('=');
        const std::string_view name = entry.substr(0, equals);
        for (const SettingRow& row : kRows) {
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
    for (const SettingRow& row : kRows) {
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
                return name == "chat" || name == "echo" || name == "bench";
            });
            if (names.empty() || !known) {
                fail(row, raw, "a comma-separated list of chat, echo, bench");
            }
        }
    }
    check_redis(redis, settings);
    check_provider_settings(settings, [layers](std::string_view key) {
        const auto row = std::find_if(std::begin(kRows), std::end(kRows),
                                      [key](const SettingRow& one) { return one.key == key; });
        return chosen(*row, layers).origin;
    });
    return settings;
}

void print_settings(std::ostream& out, const Settings& settings) {
    for (const SettingRow& row : kRows) {
        if (row.secret) {
            const bool set = !(settings.*std::get<std::string Settings::*>(row.member)).empty();
            out << "# " << row.key << (set ? " is set\n" : " is not set\n");
            continue;
        }
        out << row.key << " = ";
        if (row.key == "redis") {
            char name[kMaxRedisNameChars];
            out << '"' << std::string_view(name, format_redis_name(settings.redis_url, name))
                << '"';
        } else if (const auto* text = std::get_if<std::string Settings::*>(&row.member)) {
            out << '"' << settings.*(*text) << '"';
        } else if (const auto* count = std::get_if<uint64_t Settings::*>(&row.member)) {
            out << settings.*(*count);
        } else if (const auto* time = std::get_if<milliseconds Settings::*>(&row.member)) {
            out << '"' << format_duration(static_cast<uint64_t>((settings.*(*time)).count()))
                << '"';
        } else {
            out << (settings.*std::get<bool Settings::*>(row.member) ? "true" : "false");
        }
        out << '\n';
    }
}

} // namespace mr

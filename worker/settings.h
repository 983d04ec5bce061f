// The worker's settings: one table of keys with default, range, unit and help, filled from the
// command line, the environment (MR_<KEY>) and a TOML file, in this order of precedence. Every
// error names the value, what is allowed, and where the value came from. Reads no other state.
#pragma once

#include "shared/redis_url.h"

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mr {

struct Settings {
    std::string redis;
    std::string apps; // comma-separated
    std::string name;
    std::string ready_file;
    std::string data_dir;
    std::string log_level;
    std::string bench_upstream;
    uint64_t partitions = 0;
    uint64_t max_sessions = 0;
    uint64_t max_attempts = 0;
    uint64_t max_message_bytes = 0;
    uint64_t max_queued_questions = 0;
    uint64_t history_messages = 0;
    uint64_t sql_threads = 0;
    uint64_t local_tokens_per_second = 0;
    std::chrono::milliseconds lease{};
    std::chrono::milliseconds turn_budget{};
    std::chrono::milliseconds resume_window{};
    std::chrono::milliseconds session_ttl{};
    std::chrono::milliseconds linger{};
    std::chrono::milliseconds text_window{};
    std::chrono::milliseconds drain{};
    bool stub_openai = false;

    RedisUrl redis_url; // parsed, with the password of its password file
    std::vector<std::string> app_names() const;
};

struct SettingRow {
    using Member = std::variant<std::string Settings::*, uint64_t Settings::*,
                                std::chrono::milliseconds Settings::*, bool Settings::*>;

    std::string_view key; // as in the file; --flags have dashes, MR_VARIABLES capitals
    std::string_view fallback;
    Member member;
    uint64_t min; // numbers: count; durations: ms
    uint64_t max;
    std::string_view unit; // for numbers; durations say ms, s, m, h themselves
    std::string_view help;

    std::string flag() const;     // --turn-budget
    std::string variable() const; // MR_TURN_BUDGET
};

std::span<const SettingRow> setting_rows();

// A raw value and its origin, as in "flag --drain" or "worker.toml:3".
struct RawSetting {
    std::string text;
    std::string origin;
};
using RawSettings = std::map<std::string, RawSetting, std::less<>>;

class SettingsError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// The three sources. `read_config_file` names line and column of what it cannot read.
RawSettings read_config_file(const std::string& path);
RawSettings read_environment(const char* const* environment);

enum class Command : uint8_t { run, check_config, print_config, leave };
struct CommandLine {
    Command command = Command::run;
    int exit_code = 0; // for `leave`: help, version or a usage error has been printed
    std::string config_file;
    RawSettings settings;
};
CommandLine read_command_line(int argc, const char* const* argv);

// Converts and checks; `layers` from strongest to weakest. Throws SettingsError.
Settings make_settings(std::span<const RawSettings> layers);
// Every key with its value, secrets left out.
void print_settings(std::ostream& out, const Settings& settings);

} // namespace mr

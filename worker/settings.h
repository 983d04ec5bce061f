// The worker's settings: one table of keys with default, range, unit and help, filled from the
// command line, the environment (MR_<KEY>) and a TOML file, in this order of precedence. Every
// error names the value, what is allowed, and where the value came from. Reads no other state.
#pragma once

#include "shared/redis_url.h"
#include "worker/settings_groups.h"

#include <chrono>
#include <cstdint>
#include <functional>
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
    std::string metrics_listen;
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
    ModelSettings openai;
    ModelSettings anthropic;
    ModelSettings gemini;
    HubSpotSettings hubspot;
    VertexSearchSettings vertex_search;
    EntraSettings entra;
    PowerBiSettings powerbi;
    BigQuerySettings bigquery;
    VoiceSettings voice;
    DeepgramSettings deepgram;
    ElevenLabsSettings elevenlabs;
    std::string openai_api;     // "chat" or "responses"
    std::string gemini_project; // Gemini is asked on Vertex AI, with Google's credentials
    std::string gemini_location;
    std::string google_credentials_file;
    std::string google_token_url;
    std::string google_metadata_url;
    std::string extractor; // who does a task: "auto", or names with commas
    std::string router;
    std::string sql_writer;
    std::string merger;
    std::string responder;
    std::string projects_file;
    std::string dax_writer;
    std::string chart_schema;
    std::string provider_ca_file;
    std::string provider_proxy;
    bool provider_http2 = true;
    std::chrono::milliseconds provider_connect_timeout{};
    std::chrono::milliseconds provider_check_timeout{};

    RedisUrl redis_url; // parsed, with the password of its password file
    std::vector<std::string> app_names() const;
    // Language models that are to be asked: a key or another server has been named.
    bool active(std::string_view provider) const;
    bool hubspot_active() const;           // in the same way
    bool vertex_search_active() const;     // an engine or a data store has been named
    std::string vertex_search_url() const; // up to and without ":search"
    bool powerbi_active() const;           // a dataset has been named
    bool deepgram_active() const;          // a key or another server has been named
    bool elevenlabs_active() const;        // in the same way
    bool bigquery_active() const { return !bigquery.project.empty(); }
    // Projects are others than those of the embedded data.
    bool own_projects() const;
    // Where Gemini is, up to "/models/".
    std::string gemini_url() const;
    // Who does a task, in order: names of active models, or "embedded". Nobody writes DAX when no
    // model is active.
    std::vector<std::string> providers_of(std::string_view task) const;
};

// Where a setting has its value.
using SettingValue = std::variant<std::string*, uint64_t*, std::chrono::milliseconds*, bool*>;
class SettingMember {
  public:
    template <typename T>
    SettingMember(T Settings::* own) // NOLINT: for the table
        : in_([own](Settings& settings) { return SettingValue(&(settings.*own)); }) {}
    template <typename Group, typename T>
    SettingMember(Group Settings::* group, T Group::* part)
        : in_([group, part](Settings& settings) {
              return SettingValue(&(settings.*group.*part));
          }) {}

    SettingValue in(Settings& settings) const { return in_(settings); }

  private:
    std::function<SettingValue(Settings&)> in_;
};

struct SettingRow {
    std::string_view key; // as in the file; --flags have dashes, MR_VARIABLES capitals
    std::string_view fallback;
    SettingMember member;
    uint64_t min; // numbers: count; durations: ms
    uint64_t max;
    std::string_view unit; // for numbers; durations say ms, s, m, h themselves
    std::string_view help;
    bool secret = false; // never printed

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
inline constexpr size_t kMaxKeyFileBytes = 4096;

class SettingsError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// The three sources. `read_config_file` names line and column of what it cannot read.
RawSettings read_config_file(const std::string& path);
RawSettings read_environment(const char* const* environment);

enum class Command : uint8_t { run, check_config, print_config, check_providers, leave };
struct CommandLine {
    Command command = Command::run;
    bool json = false; // of check_providers
    int exit_code = 0; // for `leave`: help, version or a usage error has been printed
    std::string config_file;
    RawSettings settings;
};
CommandLine read_command_line(int argc, const char* const* argv);

// Names of variables that are not ours by prefix, for the keys they set.
struct OtherName {
    std::string_view variable;
    std::string_view key;
};
std::span<const OtherName> other_setting_names();

// What the external providers need, beyond the form of each value: reads key files, checks URLs.
// `origin` says where a key's value came from. Throws SettingsError, never with a secret in it.
void check_provider_settings(Settings& settings,
                             const std::function<std::string(std::string_view key)>& origin);

// Converts and checks; `layers` from strongest to weakest. Throws SettingsError.
Settings make_settings(std::span<const RawSettings> layers);
// Every key with its value, secrets left out.
void print_settings(std::ostream& out, const Settings& settings);

} // namespace mr

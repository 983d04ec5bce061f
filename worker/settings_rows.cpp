// The table of settings, and the variables of others that count as ours.
#include "worker/settings.h"
#include "worker/settings_tables.h"

#include <iterator>
#include <vector>

namespace mr {
namespace {

template <typename T> SettingMember openai(T ModelSettings::* part) {
    return {&Settings::openai, part};
}
template <typename T> SettingMember anthropic(T ModelSettings::* part) {
    return {&Settings::anthropic, part};
}
template <typename T> SettingMember gemini(T ModelSettings::* part) {
    return {&Settings::gemini, part};
}

const SettingRow kRows[] = {
    {"redis", "redis://127.0.0.1:6379", &Settings::redis, 0, 0, "URL",
     "Redis: redis://, rediss://, unix: or sentinel://, as the gateway uses it"},
    {"apps", "chat", &Settings::apps, 0, 0, "names",
     "what this worker serves: chat, tts, echo, bench"},
    {"name", "", &Settings::name, 0, 0, "text",
     "leads the worker's name in Redis and logs (default: the host name)"},
    {"ready_file", "", &Settings::ready_file, 0, 0, "path",
     "written when the worker serves, removed when it stops"},
    {"metrics_listen", "", &Settings::metrics_listen, 0, 0, "address:port",
     "where /metrics, /healthz and /readyz are served over plain HTTP, such as 127.0.0.1:9464; "
     "empty: nowhere"},
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
    {"openai_api_key", "", openai(&ModelSettings::api_key), 0, 0, "key",
     "OpenAI is asked; better given as a file or variable (also OPENAI_API_KEY)", true},
    {"openai_api_key_file", "", openai(&ModelSettings::api_key_file), 0, 0, "path",
     "file that holds the key"},
    {"openai_base_url", kOpenAiUrl, openai(&ModelSettings::base_url), 0, 0, "URL",
     "any server that speaks its API; one other than OpenAI's needs no key (also OPENAI_BASE_URL)"},
    {"openai_api", "chat", &Settings::openai_api, 0, 0, "name",
     "chat (Chat Completions) or responses (the Responses API)"},
    {"openai_model", "gpt-6-luna", openai(&ModelSettings::model), 0, 0, "name",
     "OpenAI's model (also OPENAI_MODEL)"},
    {"openai_effort", "", openai(&ModelSettings::effort), 0, 0, "word",
     "reasoning effort, as the model knows it (low, medium, high); empty: the model's own"},
    {"openai_max_tokens", "0", openai(&ModelSettings::max_tokens), 0, 1'000'000, "count",
     "longest reply, its reasoning included; 0: as the model has it"},
    {"openai_first_byte_timeout", "30s", openai(&ModelSettings::first_byte_timeout), 100,
     10 * kMinute, "", "until the model begins to answer"},
    {"openai_idle_timeout", "30s", openai(&ModelSettings::idle_timeout), 100, 10 * kMinute, "",
     "longest silence of the model within an answer"},
    {"openai_retries", "2", openai(&ModelSettings::retries), 0, 10, "count",
     "further tries before the first word of an answer"},
    {"openai_requests_per_minute", "0", openai(&ModelSettings::requests_per_minute), 0, 1'000'000,
     "1/min", "most requests to OpenAI's account, by all workers together; 0: no limit of ours"},
    {"openai_ca_file", "", openai(&ModelSettings::ca_file), 0, 0, "path",
     "instead of provider_ca_file, for OpenAI alone"},
    {"openai_proxy", "", openai(&ModelSettings::proxy), 0, 0, "URL",
     "instead of provider_proxy, for OpenAI alone", true},
    {"openai_connect_to", "", openai(&ModelSettings::connect_to), 0, 0, "host:port",
     "connected to instead of the URL's host; certificates are checked for the URL's"},
    {"anthropic_api_key", "", anthropic(&ModelSettings::api_key), 0, 0, "key",
     "Anthropic is asked; better given as a file or variable (also ANTHROPIC_API_KEY)", true},
    {"anthropic_api_key_file", "", anthropic(&ModelSettings::api_key_file), 0, 0, "path",
     "file that holds the key"},
    {"anthropic_base_url", kAnthropicUrl, anthropic(&ModelSettings::base_url), 0, 0, "URL",
     "server that speaks the Messages API (also ANTHROPIC_BASE_URL)"},
    {"anthropic_version", "2023-06-01", anthropic(&ModelSettings::version), 0, 0, "text",
     "version of the API, sent with each request"},
    {"anthropic_model", "claude-sonnet-5-5", anthropic(&ModelSettings::model), 0, 0, "name",
     "Anthropic's model (also ANTHROPIC_MODEL)"},
    {"anthropic_effort", "", anthropic(&ModelSettings::effort), 0, 0, "word",
     "reasoning effort, as the model knows it (low, medium, high); empty: the model's own"},
    {"anthropic_max_tokens", "16000", anthropic(&ModelSettings::max_tokens), 0, 1'000'000, "count",
     "longest reply, its reasoning included; 0: as the model has it"},
    {"anthropic_first_byte_timeout", "30s", anthropic(&ModelSettings::first_byte_timeout), 100,
     10 * kMinute, "", "until the model begins to answer"},
    {"anthropic_idle_timeout", "30s", anthropic(&ModelSettings::idle_timeout), 100, 10 * kMinute,
     "", "longest silence of the model within an answer"},
    {"anthropic_retries", "2", anthropic(&ModelSettings::retries), 0, 10, "count",
     "further tries before the first word of an answer"},
    {"anthropic_requests_per_minute", "0", anthropic(&ModelSettings::requests_per_minute), 0,
     1'000'000, "1/min",
     "most requests to Anthropic's account, by all workers together; 0: no limit of ours"},
    {"anthropic_ca_file", "", anthropic(&ModelSettings::ca_file), 0, 0, "path",
     "instead of provider_ca_file, for Anthropic alone"},
    {"anthropic_proxy", "", anthropic(&ModelSettings::proxy), 0, 0, "URL",
     "instead of provider_proxy, for Anthropic alone", true},
    {"anthropic_connect_to", "", anthropic(&ModelSettings::connect_to), 0, 0, "host:port",
     "connected to instead of the URL's host; certificates are checked for the URL's"},
    {"gemini_api_key", "", gemini(&ModelSettings::api_key), 0, 0, "key",
     "Gemini is asked; better given as a file or variable (also GEMINI_API_KEY)", true},
    {"gemini_api_key_file", "", gemini(&ModelSettings::api_key_file), 0, 0, "path",
     "file that holds the key"},
    {"gemini_base_url", kGeminiUrl, gemini(&ModelSettings::base_url), 0, 0, "URL",
     "server that speaks generateContent, with the version of the API"},
    {"gemini_model", "gemini-3.8-flash", gemini(&ModelSettings::model), 0, 0, "name",
     "Gemini's model (also GEMINI_MODEL)"},
    {"gemini_effort", "", gemini(&ModelSettings::effort), 0, 0, "word",
     "reasoning effort, as the model knows it (low, medium, high); empty: the model's own"},
    {"gemini_max_tokens", "0", gemini(&ModelSettings::max_tokens), 0, 1'000'000, "count",
     "longest reply, its reasoning included; 0: as the model has it"},
    {"gemini_first_byte_timeout", "30s", gemini(&ModelSettings::first_byte_timeout), 100,
     10 * kMinute, "", "until the model begins to answer"},
    {"gemini_idle_timeout", "30s", gemini(&ModelSettings::idle_timeout), 100, 10 * kMinute, "",
     "longest silence of the model within an answer"},
    {"gemini_retries", "2", gemini(&ModelSettings::retries), 0, 10, "count",
     "further tries before the first word of an answer"},
    {"gemini_requests_per_minute", "0", gemini(&ModelSettings::requests_per_minute), 0, 1'000'000,
     "1/min", "most requests to Gemini's account, by all workers together; 0: no limit of ours"},
    {"gemini_ca_file", "", gemini(&ModelSettings::ca_file), 0, 0, "path",
     "instead of provider_ca_file, for Gemini alone"},
    {"gemini_proxy", "", gemini(&ModelSettings::proxy), 0, 0, "URL",
     "instead of provider_proxy, for Gemini alone", true},
    {"gemini_connect_to", "", gemini(&ModelSettings::connect_to), 0, 0, "host:port",
     "connected to instead of the URL's host; certificates are checked for the URL's"},
    {"gemini_project", "", &Settings::gemini_project, 0, 0, "name",
     "Google Cloud project: Gemini is asked on Vertex AI, without an API key"},
    {"gemini_location", "global", &Settings::gemini_location, 0, 0, "name",
     "of Vertex AI: global, us, eu or a region"},
    {"google_credentials_file", "", &Settings::google_credentials_file, 0, 0, "path",
     "key file of a service account (also GOOGLE_APPLICATION_CREDENTIALS); none: the machine's own "
     "account"},
    {"google_token_url", "", &Settings::google_token_url, 0, 0, "URL",
     "where access tokens are had, instead of the one in the key file"},
    {"google_metadata_url", "http://metadata.google.internal", &Settings::google_metadata_url, 0, 0,
     "URL", "metadata server that knows the machine's own account"},
    {"extractor", "auto", &Settings::extractor, 0, 0, "names",
     "who finds the projects in a question: openai, anthropic, gemini, embedded, in order; auto: "
     "those that are set up"},
    {"router", "auto", &Settings::router, 0, 0, "names",
     "who chooses the tools: openai, anthropic, gemini, embedded, in order; auto: those that are "
     "set up"},
    {"sql_writer", "auto", &Settings::sql_writer, 0, 0, "names",
     "who writes the queries: openai, anthropic, gemini, embedded, in order; auto: those that are "
     "set up"},
    {"merger", "auto", &Settings::merger, 0, 0, "names",
     "who puts the findings together: openai, anthropic, gemini, embedded, in order; auto: those "
     "that are set up"},
    {"responder", "auto", &Settings::responder, 0, 0, "names",
     "who writes the answers: openai, anthropic, gemini, embedded, in order; auto: those that are "
     "set up"},
    {"provider_ca_file", "", &Settings::provider_ca_file, 0, 0, "path",
     "certificates external providers are checked by (default: the system's)"},
    {"provider_proxy", "", &Settings::provider_proxy, 0, 0, "URL",
     "HTTP proxy towards external providers; none is taken from the environment", true},
    {"provider_http2", "true", &Settings::provider_http2, 0, 0, "",
     "HTTP/2 towards providers that offer it: many calls on one connection; not through a proxy"},
    {"provider_connect_timeout", "5s", &Settings::provider_connect_timeout, 100, kMinute, "",
     "name lookup, connection and TLS towards an external provider"},
    {"provider_check_timeout", "10s", &Settings::provider_check_timeout, 100, kMinute, "",
     "the whole of --check-providers"},
};

// Names that the original backend, or the vendor's own clients, use.
constexpr OtherName kOtherNames[] = {
    {"STUB_OPENAI", "stub_openai"},
    {"STUB_DEEPGRAM", "stub_deepgram"},
    {"STUB_ELEVENLABS", "stub_elevenlabs"},
    {"DEEPGRAM_API_KEY", "deepgram_api_key"},
    {"ELEVENLABS_API_KEY", "elevenlabs_api_key"},
    {"ELEVENLABS_VOICE_ID", "elevenlabs_voice"},
    {"OPENAI_API_KEY", "openai_api_key"},
    {"OPENAI_BASE_URL", "openai_base_url"},
    {"OPENAI_MODEL", "openai_model"},
    {"ANTHROPIC_API_KEY", "anthropic_api_key"},
    {"ANTHROPIC_BASE_URL", "anthropic_base_url"},
    {"ANTHROPIC_MODEL", "anthropic_model"},
    {"GEMINI_API_KEY", "gemini_api_key"},
    {"GOOGLE_API_KEY", "gemini_api_key"},
    {"GEMINI_MODEL", "gemini_model"},
    {"HUBSPOT_API_KEY", "hubspot_api_key"},
    {"AZURE_TENANT_ID", "entra_tenant"},
    {"AZURE_CLIENT_ID", "entra_client_id"},
    {"AZURE_CLIENT_SECRET", "entra_client_secret"},
    {"AZURE_AUTHORITY_HOST", "entra_authority"},
    {"GOOGLE_APPLICATION_CREDENTIALS", "google_credentials_file"},
};

} // namespace

std::span<const SettingRow> setting_rows() {
    static const std::vector<SettingRow> all = [] {
        std::vector<SettingRow> rows(std::begin(kRows), std::end(kRows));
        const std::span<const SettingRow> data = data_setting_rows();
        rows.insert(rows.end(), data.begin(), data.end());
        const std::span<const SettingRow> bigquery = bigquery_setting_rows();
        rows.insert(rows.end(), bigquery.begin(), bigquery.end());
        const std::span<const SettingRow> voice = voice_setting_rows();
        rows.insert(rows.end(), voice.begin(), voice.end());
        return rows;
    }();
    return all;
}

std::span<const OtherName> other_setting_names() {
    return kOtherNames;
}

} // namespace mr

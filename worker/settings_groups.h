// The settings of one external provider each, as parts of Settings.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace mr {

// What is to be known of a language model, whoever offers it.
struct ModelSettings {
    std::string api_key; // also what api_key_file holds
    std::string api_key_file;
    std::string base_url;
    std::string version; // of the API, where it has one
    std::string model;
    std::string effort;
    uint64_t max_tokens = 0;
    uint64_t requests_per_minute = 0;
    std::chrono::milliseconds first_byte_timeout{};
    std::chrono::milliseconds idle_timeout{};
    uint64_t retries = 0;
    std::string ca_file;
    std::string proxy;
    std::string connect_to;
};

// How HubSpot is searched.
struct HubSpotSettings {
    std::string api_key; // also what api_key_file holds
    std::string api_key_file;
    std::string base_url;
    std::string objects_path;
    std::string pipelines_path;
    std::string associations_path;
    std::string project_property;
    std::string project_value;  // "id", "code" or "name"
    std::string project_object; // whose records stand for projects
    uint64_t max_records = 0;
    uint64_t searches_per_second = 0;
    uint64_t retries = 0;
    std::string ca_file;
    std::string proxy;
    std::string connect_to;
};

// What BigQuery is asked.
struct BigQuerySettings {
    std::string project; // that is billed; with it BigQuery is the engine of queries
    std::string location;
    std::string dataset;
    std::string tables;         // "sales.invoices:project_id, sales.vendors:-"
    std::string base_tables;    // beneath views
    std::string project_value;  // "id", "code" or "name"
    std::string project_lookup; // a table or view of all projects
    std::string project_lookup_columns;
    std::string schema_file;
    std::string schema; // what schema_file holds
    uint64_t max_bytes = 0;
    std::chrono::milliseconds wait{};
    std::chrono::milliseconds job_timeout{};
    uint64_t retries = 0;
    std::string base_url;
    std::string ca_file;
    std::string proxy;
    std::string connect_to;
};

// How Vertex AI Search is asked, with Google's credentials.
struct VertexSearchSettings {
    std::string project;
    std::string location;
    std::string collection;
    std::string engine;
    std::string data_store; // instead of an engine
    std::string serving_config;
    std::string base_url;
    std::string user_project;
    std::string project_field;
    std::string project_value; // "id", "code" or "name"
    std::string url_field;
    std::string kind_field;
    std::string date_field;
    std::string storage_url;
    std::string language;
    std::string query_expansion;  // "auto" or "off"
    std::string spell_correction; // "auto" or "suggest"
    bool summary = false;
    std::string summary_preamble;
    std::string summary_model;
    uint64_t extracts = 0;
    uint64_t page_size = 0;
    uint64_t retries = 0;
    std::chrono::milliseconds timeout{};
    std::chrono::milliseconds first_byte_timeout{};
    std::string ca_file;
    std::string proxy;
    std::string connect_to;
};

// The application that Entra ID knows the worker by.
struct EntraSettings {
    std::string tenant;
    std::string client_id;
    std::string client_secret; // also what client_secret_file holds
    std::string client_secret_file;
    std::string authority;
    std::string scope;
    std::string ca_file;
    std::string proxy;
    std::string connect_to;
};

// Which semantic model is asked, and how.
struct PowerBiSettings {
    std::string dataset;
    std::string workspace;
    std::string base_url;
    std::string api_path;
    std::string schema_file;
    std::string project_column;
    std::string project_value; // "id", "code" or "name"
    uint64_t max_rows = 0;
    uint64_t queries_per_second = 0;
    std::chrono::milliseconds timeout{};
    uint64_t retries = 0;
    std::string ca_file;
    std::string proxy;
    std::string connect_to;
};

// What hears and speaks, and how.
struct VoiceSettings {
    std::string recogniser;  // "auto", "none" or an engine
    std::string synthesiser; // in the same way
    std::string detector;    // "auto", "silero" or "energy"
    std::string dir;         // of onnxruntime's library and the weights
    std::string names_file;  // one name a line
    std::string language;
    std::string flite_voice;
    std::string progress;    // "off", "words" or "chime"
    uint64_t streams = 0;    // of the embedded recogniser, at a time
    uint64_t threads = 0;    // that it recognises on
    uint64_t max_spoken = 0; // bytes of one answer
    uint64_t max_text = 0;   // bytes of one text of POST /v1/tts
    std::chrono::milliseconds hang_over{};
    std::chrono::milliseconds silence_limit{};
    std::chrono::milliseconds progress_after{};
    bool stub_deepgram = false;
    bool stub_elevenlabs = false;
};

// Who recognises speech.
struct DeepgramSettings {
    std::string api_key; // also what api_key_file holds
    std::string api_key_file;
    std::string key_scheme; // "Token" or "Bearer"
    std::string base_url;
    std::string model;
    std::string language; // empty: voice_language
    std::string tag;
    std::string ca_file;
    std::string proxy;
    std::string connect_to;
    uint64_t max_streams = 0;
    uint64_t reconnects = 0;
    uint64_t keyword_boost = 0;
    std::chrono::milliseconds endpointing{};
    std::chrono::milliseconds utterance_end{};
    std::chrono::milliseconds finalize_wait{};
    std::chrono::milliseconds result_timeout{};
    bool vocabulary = true;
    bool smart_format = true;
    bool punctuate = true;
    bool numerals = false;
    bool profanity_filter = false;
    bool mip_opt_out = false;
};

// Who speaks answers.
struct ElevenLabsSettings {
    std::string api_key; // also what api_key_file holds
    std::string api_key_file;
    std::string base_url;
    std::string model;
    std::string voice;
    std::string language;
    uint64_t rate = 0;
    uint64_t concurrent = 0;
    uint64_t retries = 0;
    bool logging = true;
    bool socket = false;
    std::string ca_file;
    std::string proxy;
    std::string connect_to;
};

inline constexpr std::string_view kOpenAiUrl = "https://api.openai.com/v1";
inline constexpr std::string_view kAnthropicUrl = "https://api.anthropic.com";
inline constexpr std::string_view kGeminiUrl = "https://generativelanguage.googleapis.com/v1beta";
inline constexpr std::string_view kHubSpotUrl = "https://api.hubapi.com";
inline constexpr std::string_view kBigQueryUrl = "https://bigquery.googleapis.com/bigquery/v2";
inline constexpr std::string_view kVertexSearchUrl = "https://discoveryengine.googleapis.com/v1";
inline constexpr std::string_view kEntraUrl = "https://login.microsoftonline.com";
inline constexpr std::string_view kDeepgramUrl = "https://api.deepgram.com/v1";
inline constexpr std::string_view kElevenLabsUrl = "https://api.elevenlabs.io";
inline constexpr std::string_view kPowerBiUrl = "https://api.powerbi.com";

} // namespace mr

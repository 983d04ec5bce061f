// The providers a turn works with and the limits it keeps. Built once per worker process, used by
// all its turns at the same time; holds no state of any turn.
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/bigquery/bigquery.h"
#include "worker/providers/bigquery/directory.h"
#include "worker/providers/entra/token.h"
#include "worker/providers/hubspot/hubspot.h"
#include "worker/providers/interfaces.h"
#include "worker/providers/models.h"
#include "worker/providers/powerbi/powerbi.h"
#include "worker/providers/rest/rate_gate.h"
#include "worker/providers/vertex_search/vertex_search.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr {

// Each is further cut by the turn's own deadline.
struct PipelineLimits {
    std::chrono::milliseconds project_resolution_timeout{10'000};
    std::chrono::milliseconds routing_timeout{10'000};
    std::chrono::milliseconds sql_timeout{30'000};
    std::chrono::milliseconds documents_timeout{15'000};
    std::chrono::milliseconds crm_timeout{15'000};
    std::chrono::milliseconds chart_timeout{5'000};
    std::chrono::milliseconds merge_timeout{15'000};
    std::chrono::milliseconds response_timeout{120'000};
};

struct Services {
    // Keeps what the embedded providers share (database, threads); destroyed last.
    std::shared_ptr<void> backing;
    // What external providers share; null when all are embedded.
    std::shared_ptr<net::HttpClient> http;

    std::unique_ptr<ProjectExtractor> extractor;
    std::unique_ptr<ProjectDirectory> directory;
    std::unique_ptr<Router> router;
    std::unique_ptr<SqlWriter> sql_writer;
    std::unique_ptr<SqlEngine> sql_engine;
    std::unique_ptr<DocumentSearch> documents;
    std::unique_ptr<CrmSearch> crm;
    std::unique_ptr<Merger> merger;
    std::unique_ptr<Responder> responder;

    PipelineLimits limits;

    // Told about failures whose text must not reach a user: what was done, and the exception's
    // text. Called on the turn's thread; may be empty.
    std::function<void(std::string_view doing, std::string_view detail)> diagnose;

    // A semantic model that charts are made from where no query has rows for them, and who writes
    // its queries, in DAX; both null when there is none.
    std::unique_ptr<SqlWriter> dax_writer;
    std::unique_ptr<SqlEngine> semantic_model;
    std::string chart_schema; // version of Vega-Lite, as a URL; empty: the product's
};

// Who does a task, in order: names of language models, or "embedded". Empty: embedded alone.
using TaskProviders = std::vector<std::string>;

struct HubSpotSetup {
    std::string api_key; // empty: none is sent
    hubspot::Options options;
};

struct VertexSearchSetup {
    google::Access access;
    vertex_search::Options options;
};

struct PowerBiSetup {
    entra::ClientOptions client;
    powerbi::Options options;
    TaskProviders writer; // models alone
};

struct BigQuerySetup {
    google::Access access;
    bigquery::Options options;
    std::optional<bigquery::Lookup> lookup; // has the projects; null: others have them
};

// What the worker's settings decide about the providers. Defaults are the product's.
struct ServiceSettings {
    std::filesystem::path data_dir = "data"; // the demo company's database is made here
    unsigned sql_threads = 2;                // 1..64
    unsigned local_tokens_per_second = 80;   // pace of the embedded answer, 0 = flat out
    bool stub_openai = false; // STUB_OPENAI: development-mode answers, whoever the responder is
    std::map<std::string, ModelSetup> models; // by the name that the tasks know them by
    TaskProviders extractor;
    TaskProviders router;
    TaskProviders sql_writer;
    TaskProviders merger;
    TaskProviders responder;
    std::filesystem::path projects_file;            // empty: the projects of the embedded data
    std::optional<HubSpotSetup> hubspot;            // null: the CRM is embedded
    std::optional<BigQuerySetup> bigquery;          // null: the engine of queries is embedded
    std::optional<VertexSearchSetup> vertex_search; // null: the documents are embedded
    net::HttpOptions http;                          // towards external providers
    std::shared_ptr<rest::RateStore> rates; // limits of accounts; null: each worker by itself
    PipelineLimits limits;
    std::optional<PowerBiSetup> powerbi; // null: charts are of the tables' rows alone
    std::string chart_schema;
};

// Opens (or makes, about a second) the embedded data. Blocking: call it before the loop runs.
// Throws std::exception with a message that names the file, or the model that is not there. Destroy
// the result before the io_context that ran the turns: worker threads are joined here.
std::unique_ptr<Services> make_services(const ServiceSettings& settings);

} // namespace mr

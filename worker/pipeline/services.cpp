#include "worker/pipeline/services.h"

#include "worker/providers/directory/project_list.h"
#include "worker/providers/in_turn.h"
#include "worker/providers/local/embedded.h"
#include "worker/providers/tasks/tasks.h"

#include <stdexcept>
#include <utility>

namespace mr {
namespace {

constexpr std::string_view kEmbedded = "embedded";

using Models = std::map<std::string, std::shared_ptr<ChatModel>>;

const std::shared_ptr<net::HttpClient>& http_of(const ServiceSettings& settings,
                                                Services& services) {
    if (!services.http) {
        services.http = std::make_shared<net::HttpClient>(settings.http);
    }
    return services.http;
}

std::string_view label_of(const std::string& model) {
    return model == "openai"      ? "OpenAI"
           : model == "anthropic" ? "Anthropic"
           : model == "gemini"    ? "Gemini"
                                  : "the language model";
}

std::shared_ptr<rest::RateGate> make_model_gate(const ServiceSettings& settings,
                                                const std::string& name, const ModelSetup& setup) {
    const std::string& key = setup.api_key.empty() ? setup.options.base_url : setup.api_key;
    rest::Account account{name, std::string(label_of(name)), rest::account_id(key)};
    return rest::make_gate(settings.rates, std::move(account),
                           rest::per_minute(setup.requests_per_minute));
}

Models make_models(const ServiceSettings& settings, Services& services) {
    Models models;
    for (const auto& [name, setup] : settings.models) {
        ModelSetup limited = setup;
        limited.options.gate = make_model_gate(settings, name, setup);
        models[name] = make_model(http_of(settings, services), limited);
    }
    return models;
}

// `with_model(model)` and `embedded()` make the two kinds of the service.
template <typename Service, typename WithModel, typename Embedded>
std::unique_ptr<Service> assemble(const TaskProviders& providers, const Models& models,
                                  const WithModel& with_model, const Embedded& embedded) {
    Choices<Service> choices;
    for (const std::string& name : providers) {
        const auto model = models.find(name);
        if (name != kEmbedded && model == models.end()) {
            throw std::invalid_argument("no language model is set up by the name " + name);
        }
        choices.push_back({name, name == kEmbedded ? embedded() : with_model(model->second)});
    }
    if (choices.empty()) {
        return embedded();
    }
    return in_turn(std::move(choices));
}

std::unique_ptr<CrmSearch> make_hubspot(const HubSpotSetup& setup,
                                        std::shared_ptr<net::HttpClient> http,
                                        const std::shared_ptr<rest::RateStore>& rates) {
    hubspot::Options options = setup.options;
    const std::string& key = setup.api_key.empty() ? options.endpoint.base_url : setup.api_key;
    options.gate = rest::make_gate(rates, {"hubspot", "HubSpot", rest::account_id(key)},
                                   rest::per_second(options.searches_per_second));
    return hubspot::make_crm_search(std::move(http),
                                    make_key_credential("Authorization: Bearer ", setup.api_key),
                                    std::move(options));
}

std::unique_ptr<DocumentSearch> make_vertex_search(const VertexSearchSetup& setup,
                                                   std::shared_ptr<net::HttpClient> http) {
    const rest::Endpoint& endpoint = setup.options.endpoint;
    auto credential = google::make_credential(
        http, setup.access, {endpoint.connect_timeout, endpoint.ca_file, endpoint.proxy});
    return vertex_search::make_document_search(std::move(http), std::move(credential),
                                               setup.options);
}

void set_semantic_model(const ServiceSettings& settings, const Models& models, Services& services) {
    if (!settings.powerbi) {
        return;
    }
    const PowerBiSetup& setup = *settings.powerbi;
    Choices<SqlWriter> writers;
    for (const std::string& name : setup.writer) {
        writers.push_back({name, tasks::make_sql_writer(models.at(name))});
    }
    if (writers.empty()) {
        throw std::invalid_argument("no language model is set up to write Power BI's queries");
    }
    services.dax_writer = in_turn(std::move(writers));
    const std::shared_ptr<net::HttpClient>& http = http_of(settings, services);
    powerbi::Options options = setup.options;
    const std::string account = setup.client.tenant + "/" + setup.client.client_id;
    options.gate =
        rest::make_gate(settings.rates, {"powerbi", "Power BI", rest::account_id(account)},
                        rest::per_second(options.queries_per_second));
    services.semantic_model = powerbi::make_engine(
        http, entra::make_client_credential(http, setup.client), std::move(options));
}

// What a router is to know of the semantic model; empty when there is none.
std::string semantic_tables(const ServiceSettings& settings) {
    return settings.powerbi ? powerbi::described(*settings.powerbi->options.schema) : "";
}

// The engine of queries, and the projects where a lookup table has them.
void set_bigquery(const BigQuerySetup& setup, const std::shared_ptr<net::HttpClient>& http,
                  Services& services) {
    const rest::Endpoint& endpoint = setup.options.endpoint;
    const auto credential = google::make_credential(
        http, setup.access, {endpoint.connect_timeout, endpoint.ca_file, endpoint.proxy});
    services.sql_engine = bigquery::make_sql_engine(http, credential, setup.options);
    if (setup.lookup) {
        services.directory =
            bigquery::make_directory(http, credential, setup.options, *setup.lookup);
    }
}

} // namespace

std::unique_ptr<Services> make_services(const ServiceSettings& settings) {
    auto backend = local::open_backend(settings.data_dir, settings.sql_threads);
    auto services = std::make_unique<Services>();
    services->backing = backend;
    const Models models = make_models(settings, *services);
    services->extractor =
        assemble<ProjectExtractor>(settings.extractor, models, tasks::make_extractor,
                                   [&] { return local::make_extractor(backend); });
    services->directory =
        settings.projects_file.empty()
            ? local::make_directory(backend)
            : directory::make_directory(directory::read_project_list(settings.projects_file));
    const auto model_router = [&](const std::shared_ptr<ChatModel>& model) {
        return tasks::make_router(model, semantic_tables(settings));
    };
    services->router = assemble<Router>(settings.router, models, model_router,
                                        [&] { return local::make_router(backend); });
    services->sql_writer = assemble<SqlWriter>(settings.sql_writer, models, tasks::make_sql_writer,
                                               [&] { return local::make_sql_writer(backend); });
    if (settings.bigquery) {
        set_bigquery(*settings.bigquery, http_of(settings, *services), *services);
    } else {
        services->sql_engine = local::make_sql_engine(backend);
    }
    services->documents = settings.vertex_search ? make_vertex_search(*settings.vertex_search,
                                                                      http_of(settings, *services))
                                                 : local::make_document_search(backend);
    services->crm = settings.hubspot ? make_hubspot(*settings.hubspot, http_of(settings, *services),
                                                    settings.rates)
                                     : local::make_crm_search(backend);
    services->merger = assemble<Merger>(settings.merger, models, tasks::make_merger,
                                        [] { return local::make_merger(); });
    if (settings.stub_openai) {
        services->responder = local::make_stub_responder(settings.local_tokens_per_second);
    } else {
        services->responder =
            assemble<Responder>(settings.responder, models, tasks::make_responder, [&] {
                return local::make_responder(backend, settings.local_tokens_per_second);
            });
    }
    set_semantic_model(settings, models, *services);
    services->chart_schema = settings.chart_schema;
    services->limits = settings.limits;
    return services;
}

} // namespace mr

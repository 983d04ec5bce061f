#include "worker/settings_models.h"

#include "worker/log.h"
#include "worker/settings_data.h"

#include <utility>

namespace mr {
namespace {

// A model reads and thinks; the embedded providers' limits would cut many of them off.
constexpr std::chrono::milliseconds kModelPhaseTimeout{20'000};

ModelSetup setup_of(const Settings& settings, const ModelSettings& model, ModelApi api) {
    ModelSetup setup;
    setup.api = api;
    setup.api_key = model.api_key;
    setup.requests_per_minute = model.requests_per_minute;
    model::Options& options = setup.options;
    options.base_url = model.base_url;
    options.model = model.model;
    options.version = model.version;
    options.effort = model.effort;
    options.max_tokens = model.max_tokens;
    options.connect_timeout = settings.provider_connect_timeout;
    options.first_byte_timeout = model.first_byte_timeout;
    options.idle_timeout = model.idle_timeout;
    options.max_retries = static_cast<unsigned>(model.retries);
    options.ca_file = model.ca_file;
    options.proxy = model.proxy;
    options.connect_to = model.connect_to;
    return setup;
}

void add_model(const Settings& settings, const std::string& name, const ModelSettings& model,
               ModelApi api, ServiceSettings& services) {
    if (!settings.active(name)) {
        return;
    }
    ModelSetup setup = setup_of(settings, model, api);
    if (api == ModelApi::gemini) {
        setup.options.base_url = settings.gemini_url();
        if (!settings.gemini_project.empty()) {
            setup.google = google_access(settings);
        }
    }
    log::info(
        "a language model is asked",
        {{"provider", name}, {"url", setup.options.base_url}, {"model", setup.options.model}});
    services.models[name] = std::move(setup);
}

std::string in_words(const TaskProviders& providers) {
    std::string text;
    for (const std::string& name : providers) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

} // namespace

void set_models(const Settings& settings, ServiceSettings& services) {
    services.http.ca_file = settings.provider_ca_file;
    services.http.proxy = settings.provider_proxy;
    services.http.http2 = settings.provider_http2;
    const ModelApi openai =
        settings.openai_api == "chat" ? ModelApi::openai_chat : ModelApi::openai_responses;
    add_model(settings, "openai", settings.openai, openai, services);
    add_model(settings, "anthropic", settings.anthropic, ModelApi::anthropic, services);
    add_model(settings, "gemini", settings.gemini, ModelApi::gemini, services);
    services.extractor = settings.providers_of("extractor");
    services.router = settings.providers_of("router");
    services.sql_writer = settings.providers_of("sql_writer");
    services.merger = settings.providers_of("merger");
    services.responder = settings.providers_of("responder");
    if (!services.models.empty()) {
        services.limits.project_resolution_timeout = kModelPhaseTimeout;
        services.limits.routing_timeout = kModelPhaseTimeout;
        services.limits.merge_timeout = kModelPhaseTimeout;
        log::info("who does what", {{"extractor", in_words(services.extractor)},
                                    {"router", in_words(services.router)},
                                    {"sql_writer", in_words(services.sql_writer)},
                                    {"merger", in_words(services.merger)},
                                    {"responder", in_words(services.responder)}});
    }
}

} // namespace mr

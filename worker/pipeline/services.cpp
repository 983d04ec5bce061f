#include "worker/pipeline/services.h"

#include "worker/providers/local/embedded.h"
#include "worker/providers/openai/responder.h"

namespace mr {

std::unique_ptr<Services> make_services(const ServiceSettings& settings) {
    auto backend = local::open_backend(settings.data_dir, settings.sql_threads);
    auto services = std::make_unique<Services>();
    services->backing = backend;
    services->extractor = local::make_extractor(backend);
    services->directory = local::make_directory(backend);
    services->router = local::make_router(backend);
    services->sql_writer = local::make_sql_writer(backend);
    services->sql_engine = local::make_sql_engine(backend);
    services->documents = local::make_document_search(backend);
    services->crm = local::make_crm_search(backend);
    services->merger = local::make_merger();
    if (settings.stub_openai) {
        services->responder = local::make_stub_responder(settings.local_tokens_per_second);
    } else if (settings.openai) {
        services->http = std::make_shared<net::HttpClient>(settings.http);
        services->responder = openai::make_responder(services->http, *settings.openai);
    } else {
        services->responder = local::make_responder(backend, settings.local_tokens_per_second);
    }
    services->limits = settings.limits;
    return services;
}

} // namespace mr

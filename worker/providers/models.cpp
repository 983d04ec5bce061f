#include "worker/providers/models.h"

#include "worker/providers/anthropic/dialect.h"
#include "worker/providers/google/gemini.h"
#include "worker/providers/google/token.h"
#include "worker/providers/model/client.h"
#include "worker/providers/openai/dialects.h"

#include <stdexcept>
#include <utility>

namespace mr {
namespace {

std::unique_ptr<model::Dialect> dialect_of(const ModelSetup& setup) {
    switch (setup.api) {
    case ModelApi::openai_chat:
        return openai::make_chat_dialect(setup.options);
    case ModelApi::openai_responses:
        return openai::make_responses_dialect(setup.options);
    case ModelApi::anthropic:
        return anthropic::make_dialect(setup.options);
    case ModelApi::gemini:
        break;
    }
    return google::make_gemini_dialect(setup.options);
}

std::shared_ptr<Credential> token_credential(std::shared_ptr<net::HttpClient> http,
                                             const ModelSetup& setup) {
    google::TokenOptions options;
    options.token_url = setup.google->token_url;
    options.metadata_url = setup.google->metadata_url;
    options.connect_timeout = setup.options.connect_timeout;
    options.ca_file = setup.options.ca_file;
    options.proxy = setup.options.proxy;
    const std::string& file = setup.google->credentials_file;
    if (file.empty()) { // this machine is asked about itself: never through the others' proxy
        return google::make_token_credential(std::make_shared<net::HttpClient>(), options);
    }
    try {
        options.account = google::read_service_account(file);
    } catch (const std::runtime_error& error) {
        throw std::runtime_error("credentials file " + file + ": " + error.what());
    }
    return google::make_token_credential(std::move(http), std::move(options));
}

std::shared_ptr<Credential> credential_of(const std::shared_ptr<net::HttpClient>& http,
                                          const ModelSetup& setup) {
    if (setup.google) {
        return token_credential(http, setup);
    }
    switch (setup.api) {
    case ModelApi::openai_chat:
    case ModelApi::openai_responses:
        return make_key_credential("Authorization: Bearer ", setup.api_key);
    case ModelApi::anthropic:
        return make_key_credential("x-api-key: ", setup.api_key);
    case ModelApi::gemini:
        break;
    }
    return make_key_credential("x-goog-api-key: ", setup.api_key);
}

} // namespace

std::shared_ptr<ChatModel> make_model(std::shared_ptr<net::HttpClient> http,
                                      const ModelSetup& setup) {
    std::shared_ptr<Credential> credential = credential_of(http, setup);
    return model::make_client(std::move(http), dialect_of(setup), std::move(credential),
                              setup.options);
}

} // namespace mr

#include "worker/providers/models.h"

#include "worker/providers/anthropic/dialect.h"
#include "worker/providers/google/gemini.h"
#include "worker/providers/model/client.h"
#include "worker/providers/openai/dialects.h"

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

std::shared_ptr<Credential> credential_of(const std::shared_ptr<net::HttpClient>& http,
                                          const ModelSetup& setup) {
    if (setup.google) {
        const model::Options& options = setup.options;
        return google::make_credential(http, *setup.google,
                                       {options.connect_timeout, options.ca_file, options.proxy});
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

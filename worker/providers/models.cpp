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

std::shared_ptr<model::Credential> credential_of(const ModelSetup& setup) {
    switch (setup.api) {
    case ModelApi::openai_chat:
    case ModelApi::openai_responses:
        return model::make_key_credential("Authorization: Bearer ", setup.api_key);
    case ModelApi::anthropic:
        return model::make_key_credential("x-api-key: ", setup.api_key);
    case ModelApi::gemini:
        break;
    }
    return model::make_key_credential("x-goog-api-key: ", setup.api_key);
}

} // namespace

std::shared_ptr<ChatModel> make_model(std::shared_ptr<net::HttpClient> http,
                                      const ModelSetup& setup) {
    return model::make_client(std::move(http), dialect_of(setup), credential_of(setup),
                              setup.options);
}

} // namespace mr

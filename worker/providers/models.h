// A language model from what the settings say about it: which API is spoken, with which key.
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/model/chat_model.h"
#include "worker/providers/model/options.h"

#include <memory>
#include <optional>
#include <string>

namespace mr {

enum class ModelApi : unsigned char { openai_chat, openai_responses, anthropic, gemini };

// How Google is shown who asks, where it is not by a key.
struct GoogleAccess {
    std::string credentials_file; // of a service account; empty: the machine's own account
    std::string token_url;        // instead of the one in the file, when not empty
    std::string metadata_url;     // tells the machine's own account
};

struct ModelSetup {
    ModelApi api = ModelApi::openai_chat;
    std::string api_key;                // empty: none is sent
    std::optional<GoogleAccess> google; // instead of a key
    model::Options options;
};

// The HTTP client is shared with other providers and outlives the result. Reads a credentials file;
// throws std::runtime_error that names it.
std::shared_ptr<ChatModel> make_model(std::shared_ptr<net::HttpClient> http,
                                      const ModelSetup& setup);

} // namespace mr

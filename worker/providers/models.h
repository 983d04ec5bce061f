// A language model from what the settings say about it: which API is spoken, with which key.
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/model/chat_model.h"
#include "worker/providers/model/options.h"

#include <memory>
#include <string>

namespace mr {

enum class ModelApi : unsigned char { openai_chat, openai_responses, anthropic, gemini };

struct ModelSetup {
    ModelApi api = ModelApi::openai_chat;
    std::string api_key; // empty: none is sent
    model::Options options;
};

// The HTTP client is shared with other providers and outlives the result.
std::shared_ptr<ChatModel> make_model(std::shared_ptr<net::HttpClient> http,
                                      const ModelSetup& setup);

} // namespace mr

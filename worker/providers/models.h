// A language model from what the settings say about it: which API is spoken, with which key.
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/google/access.h"
#include "worker/providers/model/chat_model.h"
#include "worker/providers/model/options.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace mr {

enum class ModelApi : unsigned char { openai_chat, openai_responses, anthropic, gemini };

struct ModelSetup {
    ModelApi api = ModelApi::openai_chat;
    std::string api_key;                   // empty: none is sent
    std::optional<google::Access> google;  // instead of a key
    std::uint64_t requests_per_minute = 0; // of the account, by all workers; 0: no limit
    model::Options options;
};

// The HTTP client is shared with other providers and outlives the result. Reads a credentials file;
// throws std::runtime_error that names it.
std::shared_ptr<ChatModel> make_model(std::shared_ptr<net::HttpClient> http,
                                      const ModelSetup& setup);

} // namespace mr

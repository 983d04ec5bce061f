// Responder over OpenAI's Chat Completions, or any server that speaks it.
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/interfaces.h"
#include "worker/providers/openai/options.h"

#include <memory>

namespace mr::openai {

// The client is shared with other providers and outlives the result.
std::unique_ptr<Responder> make_responder(std::shared_ptr<net::HttpClient> http, Options options);

} // namespace mr::openai

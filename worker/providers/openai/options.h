// What the OpenAI client is told by the worker's settings. Any server that speaks Chat Completions
// will do: the base URL decides.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace mr::openai {

struct Options {
    std::string api_key; // empty: no Authorization header is sent
    std::string base_url =
        "https://api.openai.com/v1"; // with the path in front of /chat/completions
    std::string model;
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds first_byte_timeout{30'000};
    std::chrono::milliseconds idle_timeout{30'000};
    unsigned max_retries = 2; // before the first token; none after it
};

} // namespace mr::openai

// What a client of a language model is told by the worker's settings.
#pragma once

#include "worker/providers/rest/rate_gate.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace mr::model {

inline constexpr std::uint64_t kMaxReplyBytes = 4 * 1024 * 1024; // of a reply that is not streamed

struct Options {
    std::string base_url; // scheme, host, port and the path in front of the API's own
    std::string model;
    std::string version;          // of the API, where it has one
    std::string effort;           // of reasoning models; empty: not sent
    std::uint64_t max_tokens = 0; // of a reply, with its reasoning; 0: not sent
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds first_byte_timeout{30'000};
    std::chrono::milliseconds idle_timeout{30'000};
    unsigned max_retries = 2; // before the first token; none after it
    std::string ca_file;      // these three instead of the HTTP client's own, when not empty
    std::string proxy;
    std::string connect_to;               // host:port that is connected to instead of the URL's
    std::shared_ptr<rest::RateGate> gate; // null: no limit of requests
};

} // namespace mr::model

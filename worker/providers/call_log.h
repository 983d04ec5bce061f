// What a response's head says about the call, for support and for limits: one debug line per
// request. https://platform.openai.com/docs/api-reference/debugging-requests,
// https://docs.anthropic.com/en/api/rate-limits#response-headers
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/credential.h"

#include <chrono>
#include <string>
#include <string_view>

namespace mr {

inline constexpr std::size_t kMaxLoggedHeadBytes = 1'000; // of the headers quoted in a line

// "name=value" of each header that names the request, the provider's own time, or a limit and what
// is left of it; with blanks between, bounded.
std::string telling_headers(const net::HttpHead& head);

// At level debug; nothing else costs anything.
void log_call(std::string_view provider, std::string_view operation, const net::HttpHead& head,
              std::chrono::steady_clock::time_point started, const Credential& credential);

// What we call a request in its provider's logs: trace, step and attempt, printable ASCII, at most
// kMaxClientRequestId characters.
inline constexpr std::size_t kMaxClientRequestId = 200; // OpenAI takes 512
std::string client_request_id(const CallContext& call);

} // namespace mr

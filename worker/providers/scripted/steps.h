// The work of scripted phases and tools: so many milliseconds, here or at an upstream that is told
// the step's id. The upstream is a stand-in for services with side effects: it learns which step is
// done how often, and sees the connection of a step that is given up close.
//
//     POST <upstream>            Idempotency-Key: <turn>/<step>
//     ms=<n>                     → 200 after so long
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/interfaces.h"

#include <cstdint>
#include <string>

namespace mr::scripted {

class Steps {
  public:
    // Empty: no upstream. Else http://host:port/path.
    explicit Steps(std::string upstream) : upstream_(std::move(upstream)) {}

    // Throws ProviderError when the upstream does not do it.
    Task<void> run(uint64_t ms, const CallContext& call);

  private:
    std::string upstream_;
    net::HttpClient client_;
};

} // namespace mr::scripted

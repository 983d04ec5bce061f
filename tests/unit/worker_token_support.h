// What the tests of access tokens share.
#pragma once

#include "tests/unit/worker_openai_support.h"
#include "worker/providers/credential.h"

namespace mr::test {

// The header, or the error's text.
inline awaitable<void> ask(Credential& credential, std::string& said,
                           milliseconds time = std::chrono::seconds(20)) {
    CallContext call;
    call.deadline = std::chrono::steady_clock::now() + time;
    try {
        said = co_await credential.header(call);
    } catch (const ProviderError& error) {
        said = error.what();
    }
}

// A token is made once and kept: `header` each time, one request for all.
inline void expect_kept(Loop& loop, Credential& credential, const Scripted& scripted,
                        const std::string& header) {
    std::string said;
    for (int i = 0; i < 2; ++i) {
        loop.run(ask(credential, said));
        EXPECT_EQ(said, header);
    }
    ASSERT_EQ(scripted.requests.size(), 1U) << "a token is kept";
    EXPECT_NE(scripted.requests[0].find("Content-Type: application/x-www-form-urlencoded\r\n"),
              std::string::npos);
}

} // namespace mr::test

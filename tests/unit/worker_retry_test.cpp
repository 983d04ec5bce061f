// When a provider's reply asks for another try, and after what time.
#include "worker/providers/retry.h"

#include <gtest/gtest.h>

namespace mr::test {
namespace {

using std::chrono::milliseconds;

net::HttpHead head_with(const std::string& name, const std::string& value) {
    net::HttpHead head;
    net::HttpHeader header;
    header.name = name;
    header.value = value;
    head.headers.push_back(header);
    return head;
}

TEST(Retry, ReadsTheTimeInEveryForm) {
    const auto now = std::chrono::system_clock::from_time_t(784111777); // 06 Nov 1994 08:49:37
    struct Case {
        const char* name;
        const char* value;
        std::optional<milliseconds> wait;
    };
    const Case cases[] = {
        {"retry-after-ms", "1500", milliseconds(1500)},
        {"retry-after-ms", "0", std::nullopt},
        {"retry-after", "2", milliseconds(2000)},
        {"retry-after", "0.25", milliseconds(250)},
        {"retry-after", "0", std::nullopt},
        {"retry-after", "-1", std::nullopt},
        {"retry-after", "soon", std::nullopt},
        {"retry-after", "", std::nullopt},
        {"retry-after", "inf", std::nullopt},
        {"retry-after", "1e300", std::nullopt},
        {"retry-after", "Sun, 06 Nov 1994 08:49:40 GMT", milliseconds(3000)},
        {"retry-after", "Sun, 06 Nov 1994 08:49:37 GMT", std::nullopt},
        {"retry-after", "Sun, 06 Nov 1994 08:49:40 GMT and more", std::nullopt},
        {"other", "2", std::nullopt},
    };
    for (const Case& one : cases) {
        EXPECT_EQ(retry_after(head_with(one.name, one.value), now), one.wait) << one.value;
    }
}

TEST(Retry, KnowsWhatMayPass) {
    for (const int status : {408, 409, 429, 500, 502, 503, 504, 529}) {
        EXPECT_TRUE(passing_status(status)) << status;
    }
    for (const int status : {200, 302, 400, 401, 403, 404, 413, 422}) {
        EXPECT_FALSE(passing_status(status)) << status;
    }
    EXPECT_EQ(retry_wanted(head_with("x-should-retry", "true")), true);
    EXPECT_EQ(retry_wanted(head_with("x-should-retry", "false")), false);
    EXPECT_EQ(retry_wanted(head_with("x-should-retry", "perhaps")), std::nullopt);
    EXPECT_EQ(retry_wanted(net::HttpHead()), std::nullopt);
}

TEST(Retry, BacksOffUpToABound) {
    EXPECT_EQ(retry_backoff(0, 1.0), milliseconds(500));
    EXPECT_EQ(retry_backoff(0, 0.0), milliseconds(375));
    EXPECT_EQ(retry_backoff(2, 1.0), milliseconds(2000));
    EXPECT_EQ(retry_backoff(4, 1.0), milliseconds(8000));
    EXPECT_EQ(retry_backoff(1000, 1.0), milliseconds(8000));
}

} // namespace
} // namespace mr::test

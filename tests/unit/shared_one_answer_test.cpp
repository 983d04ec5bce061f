// The one object for an HTTP request: its bytes, and which status an error code is.
#include "shared/one_answer.h"

#include <gtest/gtest.h>

namespace mr::test {
namespace {

TEST(OneAnswerBytes, RoundTrip) {
    Buffer out;
    ASSERT_TRUE(encode_one_answer(out, {0x123456789abcdef0, 429, 7, as_bytes("{\"a\":1}")}));
    const auto back = decode_one_answer(out.view());
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->connection, 0x123456789abcdef0U);
    EXPECT_EQ(back->status, 429);
    EXPECT_EQ(back->retry_after_s, 7);
    EXPECT_EQ(as_text(back->body), "{\"a\":1}");
    for (size_t length = 0; length < kOneAnswerHeaderBytes; ++length) {
        EXPECT_FALSE(decode_one_answer(out.view().first(length)).has_value());
    }
}

TEST(OneAnswerBytes, AStatusThatIsNoneIsRefused) {
    for (const uint16_t status : {uint16_t{0}, uint16_t{101}, uint16_t{199}, uint16_t{600}}) {
        Buffer out;
        ASSERT_TRUE(encode_one_answer(out, {1, status, 0, {}}));
        EXPECT_FALSE(decode_one_answer(out.view()).has_value()) << status;
    }
}

TEST(HttpStatus, EveryCodeIsAnErrorAndRetriesAreTold) {
    for (const ErrorText& error : kErrors) {
        const uint16_t status = http_status(error.code);
        EXPECT_GE(status, 400) << error.name;
        EXPECT_LE(status, 504) << error.name;
        EXPECT_EQ(http_retry_after_s(error.code) != 0, status == 429 || status == 503)
            << error.name;
    }
}

} // namespace
} // namespace mr::test

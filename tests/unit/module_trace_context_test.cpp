#include "ngx_mr_ws_module/trace_context.h"

#include <gtest/gtest.h>

#include <string>

namespace mr {
namespace {

constexpr char kTrace[] = "0af7651916cd43dd8448eb211c80319c";
constexpr char kParent[] = "b7ad6b7169203331";

std::string header(const std::string& version, const std::string& flags) {
    return version + "-" + kTrace + "-" + kParent + "-" + flags;
}

std::string text(const TraceContext& trace) {
    return std::string(std::string_view(trace.traceparent()));
}

TEST(ATraceContext, IsEmptyUntilItIsKnown) {
    const TraceContext trace;
    EXPECT_EQ(text(trace), "");
    EXPECT_EQ(std::string_view(trace.trace_id()), "");
}

TEST(ATraceContext, ComesOutAsItWentIn) {
    for (const char* flags : {"00", "01", "02", "7f", "80", "ff", "a9"}) {
        TraceContext trace;
        ASSERT_TRUE(accept_traceparent(header("00", flags), trace));
        EXPECT_EQ(text(trace), header("00", flags));
        EXPECT_EQ(std::string_view(trace.trace_id()), kTrace);
    }
}

TEST(ATraceContext, OfALaterVersionIsReadAsVersion0) {
    for (const std::string& later : {header("01", "01"), header("cc", "01") + "-more"}) {
        TraceContext trace;
        ASSERT_TRUE(accept_traceparent(later, trace));
        EXPECT_EQ(text(trace), header("00", "01"));
    }
}

TEST(ATraceContext, ThatIsMalformedChangesNothing) {
    const std::string good = header("00", "01");
    std::string bad[] = {"",
                         "00",
                         good.substr(1),
                         good + "-",
                         good + "0",
                         header("ff", "01"),
                         header("01", "01") + "x",
                         good,
                         good,
                         good,
                         good,
                         good,
                         good};
    bad[7][5] = 'A';                               // upper case
    bad[8][10] = 'g';                              // no digit
    bad[9][2] = '_';                               // no dash
    bad[10].replace(3, 32, std::string(32, '0'));  // no trace
    bad[11].replace(36, 16, std::string(16, '0')); // no parent
    bad[12][54] = ' ';
    for (const std::string& one : bad) {
        TraceContext trace;
        EXPECT_FALSE(accept_traceparent(one, trace)) << one;
        EXPECT_EQ(text(trace), "") << one;
    }
}

TEST(ATraceContext, OfOurOwnIsMadeOfTheRandomBytesAndSampled) {
    uint8_t random[kTraceRandomBytes];
    for (size_t i = 0; i < kTraceRandomBytes; ++i) {
        random[i] = static_cast<uint8_t>(0xF0 + i);
    }
    TraceContext trace;
    make_traceparent(random, trace);
    EXPECT_EQ(text(trace), "00-f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff-0001020304050607-01");
    EXPECT_EQ(std::string_view(trace.trace_id()), "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    TraceContext again;
    ASSERT_TRUE(accept_traceparent(text(trace), again));
    EXPECT_EQ(text(again), text(trace));
}

} // namespace
} // namespace mr

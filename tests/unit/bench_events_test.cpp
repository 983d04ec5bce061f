#include "bench/load/event_view.h"
#include "bench/load/target.h"
#include "bench/tool/compare.h"
#include "bench/tool/turn_figures.h"
#include "worker/providers/scripted/script.h"

#include <gtest/gtest.h>

namespace mr::bench {
namespace {

TEST(BenchEvents, FieldsInAnyOrderAmongOthers) {
    EventView event;
    ASSERT_TRUE(
        read_event(R"({"sources":[{"id":"9-9","type":"x"}],"content":"a\"é\n","type":"text_chunk",)"
                   R"("offset":12,"turn_id":"t","id":"1700000000123-45","ts":1})",
                   event));
    EXPECT_EQ(event.type, "text_chunk");
    EXPECT_EQ(event.content, "a\"é\n");
    EXPECT_EQ(event.offset, 12);
    EXPECT_EQ(event.epoch, 1700000000123u);
    EXPECT_EQ(event.seq, 45u);
    ASSERT_TRUE(read_event(R"({"type":"connected","session_id":"s","recovered":true})", event));
    EXPECT_EQ(event.content, "");
    EXPECT_EQ(event.epoch, 0u);
    EXPECT_TRUE(event.recovered);
}

TEST(BenchEvents, WhatIsNoObjectIsRefused) {
    EventView event;
    for (const char* text : {"", "x", "[1]", "{\"type\":", "{\"type\":\"a\"", "12"}) {
        EXPECT_FALSE(read_event(text, event)) << text;
    }
}

TEST(BenchEvents, Utf16Units) {
    EXPECT_EQ(utf16_units(""), 0u);
    EXPECT_EQ(utf16_units("abc"), 3u);
    EXPECT_EQ(utf16_units("é€"), 2u);
    EXPECT_EQ(utf16_units("\xF0\x9F\x98\x80"), 2u);
}

TEST(BenchEvents, StampsOfTheWorkersChunks) {
    const scripted::Script script = scripted::parse_script("stamp=1 bytes=80 seed=5");
    std::string text;
    for (uint64_t i = 0; i < 3; ++i) {
        text += scripted::stamped_chunk(script, 99 + i, 1700000000000000 + i);
    }
    std::string_view rest = text;
    Stamp stamp;
    for (uint64_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(next_stamp(rest, stamp));
        EXPECT_EQ(stamp.index, 99 + i);
        EXPECT_EQ(stamp.due_us, static_cast<int64_t>(1700000000000000 + i));
    }
    EXPECT_FALSE(next_stamp(rest, stamp));
    std::string_view none = "mail @ home 5@abc: 7@00064a1b2c3d4e5g: @00064a1b2c3d4e5f:";
    EXPECT_FALSE(next_stamp(none, stamp));
}

TEST(BenchTargets, Read) {
    const Target target = read_target("wss://localhost:8443/ws/chat");
    EXPECT_TRUE(target.tls);
    EXPECT_EQ(target.host, "localhost");
    EXPECT_EQ(target.header, "localhost:8443");
    EXPECT_EQ(target.path, "/ws/chat");
    EXPECT_TRUE(target.loopback);
    EXPECT_EQ(read_target("ws://127.0.0.1").path, "/");
    for (const char* bad : {"", "localhost", "ftp://localhost/", "wss:///x", "ws://a@localhost/"}) {
        EXPECT_THROW(read_target(bad), std::runtime_error) << bad;
    }
}

TEST(BenchOptions, Slo) {
    const auto slo = read_slo("first_event=100,turn=2.5");
    EXPECT_EQ(slo.at("first_event"), 100);
    EXPECT_EQ(slo.at("turn"), 2.5);
    EXPECT_TRUE(read_slo("").empty());
    for (const char* bad : {"turn", "turn=", "turn=0", "gap=5", "turn=5,,", "=1"}) {
        EXPECT_THROW(read_slo(bad), std::runtime_error) << bad;
    }
}

TEST(BenchOptions, WhatIsBetter) {
    EXPECT_EQ(direction_of("latency.p99_ms"), -1);
    EXPECT_EQ(direction_of("nginx_us_per_event"), -1);
    EXPECT_EQ(direction_of("memory.nginx_private_per_connection"), -1);
    EXPECT_EQ(direction_of("handshakes_per_s"), 1);
    EXPECT_EQ(direction_of("delivered"), 1);
    EXPECT_EQ(direction_of("nginx_core"), 0);
    EXPECT_EQ(direction_of("generator_lag_p99_ms"), 0);
    EXPECT_EQ(direction_of("events_per_frame"), 0);
}

} // namespace
} // namespace mr::bench

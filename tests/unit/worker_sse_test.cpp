// Server-sent events: the rules of WHATWG HTML section 9.2, with the input cut at every byte.
#include "worker/net/sse.h"

#include <gtest/gtest.h>

#include <vector>

namespace mr::test {
namespace {

using net::SseDecoder;
using net::SseEvent;

// type|data|id of each event.
struct Listener {
    std::vector<std::string> events;
    net::SseSink sink = [this](const SseEvent& event) {
        events.push_back(std::string(event.type) + "|" + std::string(event.data) + "|" +
                         std::string(event.id));
    };
};

std::vector<std::string> decode(const std::vector<std::string_view>& pieces) {
    SseDecoder decoder;
    Listener listener;
    for (const std::string_view piece : pieces) {
        EXPECT_TRUE(decoder.feed(piece, listener.sink));
    }
    return listener.events;
}

struct Case {
    std::string stream;
    std::vector<std::string> events;
};

const std::vector<Case> kCases = {
    {"data: a\n\n", {"message|a|"}},
    {"data:a\r\n\r\n", {"message|a|"}},
    {"data: a\r\rdata:b\r\r", {"message|a|", "message|b|"}},
    {"data: a\n\r\ndata:b\r\n\n", {"message|a|", "message|b|"}},
    {"data:  two blanks\n\n", {"message| two blanks|"}},
    {"data: a\ndata\ndata: b\n\n", {"message|a\n\nb|"}},
    {"data\n\ndata\ndata\n\n", {"message||", "message|\n|"}},
    {": a comment\n\ndata: a\n: another\n\n", {"message|a|"}},
    {"event: ping\n\ndata: a\n\n", {"message|a|"}}, // without data: not dispatched, forgotten
    {"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\ndata: 1\n\n",
     {"add|73857293|", "remove|2153|", "message|1|"}},
    {"id: 1\ndata: a\n\ndata: b\nid\n\ndata: c\n\n", {"message|a|1", "message|b|", "message|c|"}},
    {std::string("id: 7\nid: 8\0 9\ndata: a\n\n", 24), {"message|a|7"}},
    {"\xEF\xBB\xBF"
     "data: a\n\n",
     {"message|a|"}},
    {"\xEF\xBB\xBF\xEF\xBB\xBF"
     "data: a\n\ndata: b\n\n",
     {"message|b|"}}, // only one mark is dropped
    {"data: caf\xC3\xA9 \xF0\x9F\x99\x82\n\n", {"message|caf\xC3\xA9 \xF0\x9F\x99\x82|"}},
    {"unknown: x\nDATA: y\ndata : z\ndata: a\n\n", {"message|a|"}},
    {"data: {\"a\":\"b:c\"}\n\ndata: [DONE]\n\n", {"message|{\"a\":\"b:c\"}|", "message|[DONE]|"}},
    {"data: no end\n", {}},
    {"\n\n\n\r\r\r\n\r\n", {}},
};

TEST(Sse, FollowsTheStandard) {
    for (const Case& one : kCases) {
        EXPECT_EQ(decode({one.stream}), one.events) << one.stream;
    }
}

TEST(Sse, DoesNotDependOnHowTheBytesCome) {
    for (const Case& one : kCases) {
        SCOPED_TRACE(one.stream);
        const std::string_view stream = one.stream;
        std::vector<std::string_view> single;
        for (std::size_t i = 0; i < stream.size(); ++i) {
            single.push_back(stream.substr(i, 1));
            for (std::size_t j = i; j <= stream.size(); ++j) {
                EXPECT_EQ(decode({stream.substr(0, i), stream.substr(i, j - i), stream.substr(j)}),
                          one.events)
                    << "cut at " << i << " and " << j;
            }
        }
        EXPECT_EQ(decode(single), one.events);
    }
}

TEST(Sse, GivesTheRestAtTheEnd) {
    for (const std::string stream :
         {"data: a\n\ndata: b\n", "data: a\n\ndata: b", "data: a\n\ndata: b\r"}) {
        SseDecoder decoder;
        Listener listener;
        EXPECT_TRUE(decoder.feed(stream, listener.sink));
        EXPECT_EQ(listener.events.size(), 1U);
        decoder.finish(listener.sink);
        EXPECT_EQ(listener.events, (std::vector<std::string>{"message|a|", "message|b|"}));
        EXPECT_FALSE(decoder.feed("data: c\n\n", listener.sink)) << "it has ended";
    }
}

TEST(Sse, ReadsTheTimeToReconnect) {
    SseDecoder decoder;
    Listener listener;
    EXPECT_TRUE(decoder.feed("retry: 1500\nretry: soon\nretry:\nretry: -1\n", listener.sink));
    EXPECT_EQ(decoder.retry_ms(), 1500U);
    EXPECT_TRUE(decoder.feed("retry: 99999999999999999999\n", listener.sink));
    EXPECT_EQ(decoder.retry_ms(), 1500U);
}

TEST(Sse, BoundsAnEvent) {
    const std::string long_line = "data: " + std::string(2000, 'x');
    std::string long_event;
    for (int i = 0; i < 200; ++i) {
        long_event += "data: 12345\n";
    }
    std::string empty_lines;
    for (int i = 0; i < 2000; ++i) {
        empty_lines += "data\n";
    }
    for (const std::string& stream : {long_line, long_event, empty_lines}) {
        for (const std::size_t step : {stream.size(), std::size_t{7}}) {
            SseDecoder decoder(1000);
            Listener listener;
            bool good = true;
            for (std::size_t i = 0; i < stream.size() && good; i += step) {
                good = decoder.feed(std::string_view(stream).substr(i, step), listener.sink);
            }
            EXPECT_FALSE(good);
            EXPECT_FALSE(decoder.feed("\n\ndata: a\n\n", listener.sink));
            EXPECT_TRUE(listener.events.empty());
        }
    }
    SseDecoder decoder(1000);
    Listener listener;
    for (int i = 0; i < 1000; ++i) { // many events are not one large one
        EXPECT_TRUE(decoder.feed("data: 0123456789\n\n", listener.sink));
    }
    EXPECT_EQ(listener.events.size(), 1000U);
}

} // namespace
} // namespace mr::test

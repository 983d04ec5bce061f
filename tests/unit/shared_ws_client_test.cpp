// The client engine's own rules: what it sends and with which masks, its bounds, both ways of a
// close, and that cuts of the input change nothing.
#include "shared/ws_client.h"
#include "tests/unit/shared_ws_client_support.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

using namespace ws_test;

using Records = std::vector<Bytes>;

Bytes text(const Bytes& payload) {
    return unmasked({.payload = payload});
}
Bytes ping(const Bytes& payload) {
    return unmasked({.opcode = 9, .payload = payload});
}
Bytes close_frame(unsigned code) {
    return unmasked({.opcode = 8, .payload = close_payload(code)});
}

struct Open : EchoClient {
    explicit Open(WsClientOptions options = {}) : EchoClient(options) {
        feed(good_response());
        events.clear();
    }
};

TEST(WsClient, FramesBehindTheResponseAreNotLost) {
    EchoClient client(WsClientOptions{});
    client.feed(good_response() + text("at once") + ping("p"));
    EXPECT_EQ(client.events, (Records{"upgraded:", "text:at once", "ping:p"}));
    EXPECT_EQ(client.sent.records, (Records{"text:at once", "pong:p"}));
}

TEST(WsClient, EveryFrameHasAMaskOfItsOwn) {
    Open client;
    client.drains = false;
    EXPECT_EQ(client.client.send(Opcode::binary, as_bytes("abcd")), WsSend::queued);
    EXPECT_EQ(client.client.ping(as_bytes("abcd")), WsSend::queued);
    client.client.close(CloseCode::normal, "abcd");
    const Bytes out(as_text(client.client.output()));
    EXPECT_EQ(client.masks.drawn, 3U);
    EXPECT_NE(out.substr(2, 4), out.substr(12, 4));
    EXPECT_NE(out.substr(6, 4), out.substr(16, 4));
    client.drain();
    EXPECT_EQ(client.sent.records, (Records{"binary:abcd", "ping:abcd", "close 1000:abcd"}));
    EXPECT_EQ(client.problem, "");
}

TEST(WsClient, AMessageInPiecesIsFragments) {
    Open client;
    EXPECT_EQ(client.client.send_piece(Opcode::text, as_bytes("a"), false), WsSend::queued);
    EXPECT_EQ(client.client.ping({}), WsSend::queued); // between fragments
    EXPECT_EQ(client.client.send_piece(Opcode::text, {}, false), WsSend::queued);
    EXPECT_EQ(client.client.send_piece(Opcode::text, as_bytes("b"), true), WsSend::queued);
    EXPECT_EQ(client.client.send(Opcode::binary, {}), WsSend::queued);
    client.drain();
    EXPECT_EQ(client.sent.records, (Records{"ping:", "text:ab", "binary:"}));
    EXPECT_EQ(client.sent.frame_ends, (std::vector<size_t>{1, 1, 2, 2}));
}

TEST(WsClient, TheOutputIsBounded) {
    Open client(WsClientOptions{.max_output_bytes = 1000});
    const Bytes most(1000 - 8, 'x'), half(500 - 8, 'x');
    EXPECT_EQ(client.client.send(Opcode::text, as_bytes(most + "x")), WsSend::too_big);
    EXPECT_EQ(client.client.ping(as_bytes(Bytes(126, 'x'))), WsSend::too_big);
    EXPECT_EQ(client.client.send(Opcode::text, as_bytes(half)), WsSend::queued);
    EXPECT_EQ(client.client.send(Opcode::text, as_bytes(most)), WsSend::full);
    EXPECT_EQ(client.client.send(Opcode::text, as_bytes(half)), WsSend::queued);
    EXPECT_EQ(client.client.output().size(), 1000U);
    EXPECT_EQ(client.client.ping({}), WsSend::full);
    EXPECT_FALSE(client.client.output_full());
    client.client.close(CloseCode::normal); // has room even so
    client.drain();
    EXPECT_EQ(client.sent.records, (Records{"text:" + half, "text:" + half, "close 1000:"}));
}

// A server that sends pings and reads nothing: the caller is told, and whoever does not heed it
// loses the connection, not its memory.
TEST(WsClient, PingsThatNobodyReadsTheAnswersOfAreBounded) {
    Open client(WsClientOptions{.max_output_bytes = 1000});
    client.drains = false;
    size_t fed = 0, full_at = 0;
    while (client.client.state() == WsClientState::open && fed < 10 * kWsReplyHeadroomBytes) {
        const Bytes bytes = ping(Bytes(100, 'p'));
        client.feed(bytes);
        fed += bytes.size();
        full_at = full_at == 0 && client.client.output_full() ? fed : full_at;
    }
    EXPECT_LT(full_at, 1300U);
    EXPECT_EQ(client.events.back(), "error 1008");
    EXPECT_LE(client.client.output().size(), 1000 + kWsReplyHeadroomBytes + 200);
    client.drain();
    EXPECT_TRUE(client.sent.records.back().starts_with("close 1008:"));
}

TEST(WsClient, NothingIsSentBeforeTheHandshakeAndAfterTheClose) {
    EchoClient client(WsClientOptions{});
    EXPECT_EQ(client.client.send(Opcode::text, as_bytes("x")), WsSend::not_open);
    client.client.close(CloseCode::normal);
    EXPECT_EQ(client.client.state(), WsClientState::connecting);
    client.feed(good_response());
    client.client.close(CloseCode::going_away, "bye");
    client.client.close(CloseCode::internal_error, "once more");
    EXPECT_EQ(client.client.send(Opcode::text, as_bytes("x")), WsSend::not_open);
    EXPECT_EQ(client.client.ping({}), WsSend::not_open);
    client.drain();
    EXPECT_EQ(client.sent.records, (Records{"close 1001:bye"}));
    EXPECT_NE(client.client.start(kKeyRandom.data()), nullptr);
}

TEST(WsClient, AfterOurCloseOnlyTheServersCounts) {
    Open client;
    client.feed(unmasked({.payload = "begun ", .fin = false}));
    client.client.close(CloseCode::normal);
    client.feed(ping("p") + unmasked({.opcode = 0, .payload = "ended"}) + text("late"));
    EXPECT_EQ(client.events, Records{});
    EXPECT_EQ(client.client.state(), WsClientState::closing);
    EXPECT_FALSE(client.client.closed_cleanly());
    client.feed(close_frame(1000) + text("later"));
    EXPECT_EQ(client.events, Records{"close 1000:"});
    EXPECT_EQ(client.sent.records, Records{"close 1000:"});
    EXPECT_EQ(client.client.state(), WsClientState::lingering);
    EXPECT_TRUE(client.client.closed_cleanly());
    client.client.end();
    EXPECT_TRUE(client.client.finished());
}

TEST(WsClient, AViolationAfterOurCloseIsNoSecondClose) {
    Open client;
    client.client.close(CloseCode::normal);
    client.feed(unmasked({.opcode = 3}) + close_frame(1000));
    EXPECT_EQ(client.events, Records{"error 1002"});
    EXPECT_EQ(client.sent.records, Records{"close 1000:"});
    EXPECT_FALSE(client.client.closed_cleanly());
}

TEST(WsClient, MaskedFramesAndLimitsAreAnswered) {
    struct Wrong {
        Bytes input;
        Bytes event;
    };
    const Bytes large(5000, 'x');
    for (const Wrong& wrong :
         {Wrong{masked({.payload = "x"}), "error 1002"},
          Wrong{unmasked({.payload = "x", .form = LengthForm::bits16}), "error 1002"},
          Wrong{unmasked({.declared_bytes = 1 << 30}), "error 1009"},
          Wrong{unmasked({.payload = large, .fin = false}) +
                    unmasked({.opcode = 0, .payload = large}),
                "error 1009"}}) {
        Open client(WsClientOptions{
            .limits = {.max_frame_bytes = 6000, .max_message_bytes = 8000, .max_fragments = 10}});
        client.feed(wrong.input + text("never seen"));
        EXPECT_EQ(client.events, Records{wrong.event});
        EXPECT_EQ(answers_of(client), Records{"close " + wrong.event.substr(6)});
    }
}

// Frames of all kinds and some that are wrong, in pieces of all sizes.
TEST(WsClient, CutsChangeNothing) {
    std::mt19937 random(4);
    for (int round = 0; round < 400; ++round) {
        Bytes stream = good_response();
        for (int n = 0; n < 12; ++n) {
            static constexpr unsigned kOpcodes[] = {1, 1, 2, 0, 0, 9, 10, 8};
            const unsigned opcode = kOpcodes[random() % 8];
            Bytes payload(random() % (opcode < 8 ? 300 : 130), 'a');
            if (random() % 40 == 0 && !payload.empty()) {
                payload[random() % payload.size()] = static_cast<char>(random());
            }
            stream += unmasked({.opcode = opcode,
                                .payload = payload,
                                .fin = opcode >= 8 || random() % 3 != 0,
                                .rsv = random() % 50 == 0 ? 1U : 0U});
        }
        const bool whole_messages = round % 2 == 0;
        EchoClient whole(WsClientOptions{.whole_messages = true});
        whole.feed(stream);
        EchoClient cut(WsClientOptions{.whole_messages = whole_messages});
        cut.feed_at_random(stream, random, round % 64 + 1);
        ASSERT_EQ(cut.events, whole.events) << round;
        ASSERT_EQ(cut.problem, "") << round;
        ASSERT_EQ(cut.client.state(), whole.client.state()) << round;
        ASSERT_EQ(answers_of(cut), answers_of(whole)) << round;
    }
}

} // namespace
} // namespace mr

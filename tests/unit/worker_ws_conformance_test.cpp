// The tables of the Autobahn suite from the other side, against the worker's WebSocket client over
// real sockets: every core case in the clear, those of framing and of the close over TLS. The
// server waits for the answer that is owed before it goes on, as the client's owner is a coroutine.
#include "tests/unit/shared_ws_core_cases.h"
#include "tests/unit/shared_ws_text_cases.h"
#include "tests/unit/worker_ws_server.h"

namespace mr::test {
namespace {

using namespace ws_test;

bool final_record(const Bytes& record) {
    return record.starts_with("close ") || record.starts_with("error ");
}

// The frames of one case; then a Close, if the case has none.
awaitable<void> play(WsPeer& peer, const Case& c) {
    const bool upgraded = co_await peer.upgrade();
    if (!upgraded) {
        co_return;
    }
    std::vector<Frame> frames = c.frames;
    if (!final_record(c.expected.back())) {
        frames.push_back({.opcode = kClose, .payload = close_payload(1000)});
    }
    Feeder told(Role::client);
    for (const Frame& frame : frames) {
        const Bytes bytes = unmasked(frame);
        const bool sent = co_await peer.send(bytes);
        told.feed(bytes);
        const bool answered = co_await peer.read_until(answers_to(told.records).size());
        if (!sent || !answered) {
            break;
        }
    }
}

void run_over_sockets(const std::vector<Case>& cases, size_t expected_count,
                      const Certificate* certificate = nullptr) {
    EXPECT_EQ(cases.size(), expected_count);
    const auto trust = certificate == nullptr ? nullptr : net::TlsTrust::load(certificate->cert());
    for (const Case& c : cases) {
        Loop loop;
        WsServer server(loop, [&c](WsPeer& peer) { return play(peer, c); }, certificate);
        net::WsOptions options = server.options();
        options.trust = trust;
        net::WsConnection connection(loop.executor(), std::move(options));
        const std::string end = echo_result(loop, connection);
        ASSERT_TRUE(turn(loop, [&] { return server.ended == 1; })) << c.id;
        std::vector<Bytes> expected = answers_to(c.expected);
        if (!final_record(c.expected.back())) {
            expected.push_back("close 1000");
        }
        EXPECT_EQ(without_reasons(server.peers[0]->received.records), expected) << c.id;
        EXPECT_EQ(server.peers[0]->received.problem, "") << c.id;
        const bool broken = c.expected.back().starts_with("error ");
        EXPECT_EQ(end.find("the server broke the protocol") != std::string::npos, broken)
            << c.id << ": " << end;
        EXPECT_EQ(end.starts_with("closed "), !broken) << c.id << ": " << end;
    }
}

TEST(WorkerWsConformance, Class1Framing) {
    run_over_sockets(framing_cases(), 16);
    run_over_sockets(framing_cases(), 16, &good_certificate());
}
TEST(WorkerWsConformance, Class2PingsAndPongs) {
    run_over_sockets(ping_cases(), 11);
}
TEST(WorkerWsConformance, Class3ReservedBits) {
    run_over_sockets(reserved_bit_cases(), 7);
}
TEST(WorkerWsConformance, Class4Opcodes) {
    run_over_sockets(opcode_cases(), 10);
}
TEST(WorkerWsConformance, Class5Fragmentation) {
    run_over_sockets(fragmentation_cases(), 20);
}
TEST(WorkerWsConformance, Class6Text) {
    run_over_sockets(text_cases(), 145);
}
TEST(WorkerWsConformance, Class7Close) {
    run_over_sockets(close_cases(), 37);
    run_over_sockets(close_cases(), 37, &good_certificate());
}
TEST(WorkerWsConformance, Class10AutoFragmentation) {
    run_over_sockets(auto_fragmentation_cases(), 1);
}

} // namespace
} // namespace mr::test

// Any bytes of a server into the client's engine, the response to the upgrade included: however
// they are cut the same events come out and the same frames go out, every one of them masked and
// none behind our Close. The first bytes choose limits, cuts and whether a good response comes
// first.
#include "tests/fuzz/fuzz_support.h"
#include "tests/unit/shared_ws_client_support.h"

#include <iterator>

namespace {

using namespace mr;
using fuzz::require;
using ws_test::Bytes;
using ws_test::EchoClient;

constexpr size_t kChoiceBytes = 3;

void check(const EchoClient& client) {
    require(client.problem.empty(), client.problem.c_str());
    require(client.sent.decoder.stopped() || client.sent.decoder.idle() ||
                client.sent.decoder.in_message(),
            "whole frames are sent");
    require(client.client.state() != WsClientState::open || !client.sent.decoder.stopped(),
            "nobody is open behind a Close");
}

void check_same(const EchoClient& whole, const EchoClient& cut) {
    check(cut);
    require(cut.events == whole.events, "the same events however the bytes are cut");
    require(cut.sent.records == whole.sent.records, "the same answers however they are cut");
    require(cut.client.state() == whole.client.state(), "the same state however they are cut");
    require(cut.client.closed_cleanly() == whole.client.closed_cleanly(), "the same end");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < kChoiceBytes) {
        return 0;
    }
    WsClientOptions options;
    options.target.subprotocols = "a.v1, b.v2";
    options.limits.max_frame_bytes = data[0] & 2 ? 100 : 100'000;
    options.limits.max_message_bytes = data[0] & 4 ? 150 : 100'000;
    options.limits.max_fragments = data[0] & 8 ? 3 : 1000;
    Bytes input(data + kChoiceBytes, data + size);
    if ((data[0] & 1) != 0) {
        input = ws_test::good_response() + input;
    }
    EchoClient whole(options);
    whole.feed(input);
    check(whole);
    EchoClient by_byte(options);
    by_byte.feed_in_pieces_of(input, 1);
    check_same(whole, by_byte);
    std::mt19937 random(data[1]);
    options.whole_messages = (data[0] & 16) != 0;
    EchoClient cut(options);
    cut.feed_at_random(input, random, data[2] % 64U + 1);
    check_same(whole, cut);
    return 0;
}

// The Autobahn suite's text class (6: 145 of its 247 core cases), stated for the codec alone: valid
// and invalid UTF-8 of every kind, and the refusal at the first impossible byte.
#include "shared/ws_frame.h"
#include "tests/unit/shared_ws_text_cases.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

using namespace ws_test;

TEST(WsConformance, Class6Text) {
    run_all(text_cases(), 145);
}

// 6.4: the refusal falls with the impossible byte, not with the end of the frame or the message.
TEST(WsConformance, Class6FailsFast) {
    for (const Case& c : text_message_cases()) {
        if (!c.id.starts_with("6.4")) {
            continue;
        }
        Bytes stream;
        size_t payload_bytes = 0;
        size_t fatal = 0; // stream bytes up to and including payload byte 13, which is impossible
        for (const Frame& frame : c.frames) {
            const size_t header_bytes = ws_test::masked(frame).size() - frame.payload.size();
            if (payload_bytes < 13 && payload_bytes + frame.payload.size() >= 13) {
                fatal = stream.size() + header_bytes + 13 - payload_bytes;
            }
            payload_bytes += frame.payload.size();
            stream += ws_test::masked(frame);
        }
        Feeder feeder;
        feeder.feed(stream.substr(0, fatal - 1));
        EXPECT_EQ(feeder.records, std::vector<Bytes>{}) << c.id;
        feeder.feed(stream.substr(fatal - 1, 1));
        EXPECT_EQ(feeder.records, std::vector<Bytes>{kInvalidPayload}) << c.id;
    }
}

} // namespace
} // namespace mr

// For any input, valid or not: however it is cut, the same events come out; what the encoder wrote
// the decoder reads; garbage yields no more bytes than were given.
#include "shared/ws_frame.h"
#include "tests/unit/shared_ws_support.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

using ws_test::Bytes;
using ws_test::Feeder;
using ws_test::Frame;

constexpr FrameLimits kSmallLimits{
    .max_frame_bytes = 400, .max_message_bytes = 600, .max_fragments = 4, .rsv1_allowed = true};

void expect_same(const Feeder& whole, const Feeder& cut, const char* how) {
    EXPECT_EQ(cut.records, whole.records) << how;
    EXPECT_EQ(cut.frame_ends, whole.frame_ends) << how;
    EXPECT_EQ(cut.error_text, whole.error_text) << how;
    EXPECT_EQ(cut.problem, "") << how;
    EXPECT_LE(cut.payload_bytes, cut.fed_bytes) << how;
}

Bytes random_bytes(std::mt19937& random, size_t max_size) {
    Bytes out(random() % (max_size + 1), '\0');
    for (char& c : out) {
        c = static_cast<char>(random());
    }
    return out;
}

// A stream of mostly legal frames with now and then a fault: a plausible hostile client.
Bytes random_stream(std::mt19937& random, bool with_mask) {
    static const Bytes kTexts[] = {
        "",     "hello", "\xC3\xA9t\xC3\xA9", "\xF0\x9F\x98\x80", "\xE2\x82",
        "\xAC", "\xFF",  Bytes(130, 'L')};
    Bytes stream;
    bool open = false;
    for (size_t frames = random() % 8 + 1; frames > 0; --frames) {
        const auto r = static_cast<uint32_t>(random());
        Frame frame{.opcode = open ? 0U : r % 2 + 1, .fin = r % 3 != 0};
        frame.payload = kTexts[(r >> 4) % std::size(kTexts)];
        if (r % 5 == 0) {
            frame = {.opcode = 9 + (r >> 8) % 2, .payload = random_bytes(random, 125)};
        } else if (r % 29 == 0) {
            const unsigned code = r & 0x100 ? 1000 : (r >> 8) % 5100;
            frame = {.opcode = 8, .payload = ws_test::close_payload(code, kTexts[r >> 28 & 7])};
        } else if (r % 37 == 0) {
            frame.opcode = (r >> 8) % 16;
        } else if (r % 41 == 0) {
            frame.rsv = (r >> 8) % 8;
        } else if (r % 43 == 0) {
            frame.declared_bytes = uint64_t{random()} << (r >> 8) % 33;
        } else {
            open = !frame.fin;
        }
        std::array<uint8_t, 4> mask{};
        for (uint8_t& byte : mask) {
            byte = static_cast<uint8_t>(random());
        }
        const bool masked = with_mask != (r % 211 == 0);
        stream += ws_test::encode(frame, masked ? std::optional(mask) : std::nullopt);
    }
    return stream;
}

TEST(WsProperty, AnyStreamSplitInTwoAnywhereGivesTheSameEvents) {
    std::mt19937 random(1);
    for (int round = 0; round < 300; ++round) {
        const Role role = round % 2 ? Role::server : Role::client;
        const Bytes stream = random_stream(random, role == Role::server);
        Feeder whole(role, kSmallLimits);
        whole.feed(stream);
        ASSERT_EQ(whole.problem, "");
        for (size_t at = 0; at <= stream.size(); ++at) {
            Feeder cut(role, kSmallLimits);
            cut.feed(stream.substr(0, at));
            cut.feed(stream.substr(at));
            expect_same(whole, cut, "in two");
            ASSERT_FALSE(HasFailure()) << "round " << round << " cut at " << at;
        }
    }
}

TEST(WsProperty, AnyStreamInSmallPiecesGivesTheSameEvents) {
    std::mt19937 random(2);
    size_t errors = 0, closes = 0, messages = 0;
    for (int round = 0; round < 4000; ++round) {
        const Role role = round % 2 ? Role::server : Role::client;
        const Bytes stream = random_stream(random, role == Role::server);
        Feeder whole(role, kSmallLimits);
        whole.feed(stream);
        ASSERT_EQ(whole.problem, "");
        Feeder by_byte(role, kSmallLimits);
        by_byte.feed_in_pieces_of(stream, 1);
        expect_same(whole, by_byte, "byte by byte");
        for (const size_t largest : {2, 9, 60}) {
            Feeder cut(role, kSmallLimits);
            cut.feed_at_random(stream, random, largest);
            expect_same(whole, cut, "at random");
        }
        ASSERT_FALSE(HasFailure()) << "round " << round;
        for (const Bytes& record : whole.records) {
            errors += record.starts_with("error");
            closes += record.starts_with("close");
            messages += record.starts_with("text") || record.starts_with("binary");
        }
    }
    // The streams exercise all of it, or the equalities above say little.
    EXPECT_GT(errors, 500U);
    EXPECT_GT(closes, 50U);
    EXPECT_GT(messages, 2000U);
}

TEST(WsProperty, WhatTheEncoderWritesTheDecoderReads) {
    std::mt19937 random(3);
    for (int round = 0; round < 1500; ++round) {
        const bool masked = round % 2;
        Bytes stream;
        std::vector<Bytes> expected;
        for (size_t messages = random() % 4 + 1; messages > 0; --messages) {
            const size_t max_size = random() % 20 == 0 ? 70000 : 300;
            const Bytes payload = random_bytes(random, max_size);
            expected.push_back("binary:" + payload);
            const size_t fragments = random() % 4 + 1;
            for (size_t i = 0, at = 0; i < fragments; ++i) {
                const bool fin = i + 1 == fragments;
                const size_t size =
                    fin ? payload.size() - at : random() % (payload.size() - at + 1);
                const auto bits = static_cast<uint32_t>(random());
                uint8_t mask[kMaskBytes];
                std::memcpy(mask, &bits, sizeof mask);
                uint8_t header[kMaxFrameHeaderBytes];
                const size_t header_size =
                    encode_frame_header(header, i == 0 ? Opcode::binary : Opcode::continuation, fin,
                                        size, false, masked ? mask : nullptr);
                Bytes part = payload.substr(at, size);
                if (masked) {
                    size_t phase = 0;
                    apply_mask({reinterpret_cast<uint8_t*>(part.data()), part.size()}, mask, phase);
                }
                stream.append(header, header + header_size).append(part);
                at += size;
            }
        }
        Feeder feeder(masked ? Role::server : Role::client);
        feeder.feed_at_random(stream, random, 5000);
        ASSERT_EQ(feeder.records, expected) << "round " << round;
        ASSERT_EQ(feeder.problem, "");
        ASSERT_TRUE(feeder.decoder.idle());
    }
}

TEST(WsProperty, GarbageNeverYieldsMoreThanItHolds) {
    std::mt19937 random(4);
    for (int round = 0; round < 20000; ++round) {
        const Role role = round % 2 ? Role::server : Role::client;
        Bytes garbage = random_bytes(random, 200);
        if (round % 4 >= 2 && garbage.size() > 2) { // let half of it past the first two bytes
            static constexpr uint8_t kFirst[] = {0x81, 0x82, 0x01, 0x02, 0x88, 0x89, 0x8A, 0xC1};
            garbage[0] = static_cast<char>(kFirst[random() % std::size(kFirst)]);
            garbage[1] = static_cast<char>((garbage[1] & 0x7F) | (role == Role::server ? 0x80 : 0));
        }
        Feeder whole(role, kSmallLimits);
        whole.feed(garbage);
        ASSERT_EQ(whole.problem, "");
        ASSERT_LE(whole.payload_bytes, whole.fed_bytes);
        Feeder cut(role, kSmallLimits);
        cut.feed_at_random(garbage, random, 7);
        expect_same(whole, cut, "garbage");
        ASSERT_FALSE(HasFailure()) << "round " << round;
    }
}

} // namespace
} // namespace mr

// Frame headers, masks and close payloads are written as RFC 6455 sections 5.2, 5.3, 5.5.1 and 7.4
// say, at every boundary.
#include "shared/ws_frame.h"
#include "tests/unit/shared_ws_support.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace mr {
namespace {

using ws_test::Bytes;

const std::vector<uint64_t> kLengths = {0,     1,       125,        126,        127,
                                        128,   255,     256,        65535,      65536,
                                        65537, 1 << 24, 1ULL << 31, 1ULL << 40, (1ULL << 63) - 1};

Bytes header(Opcode opcode, bool fin, uint64_t length, bool rsv1, const uint8_t* mask) {
    uint8_t out[kMaxFrameHeaderBytes];
    const size_t size = encode_frame_header(out, opcode, fin, length, rsv1, mask);
    return Bytes(out, out + size);
}

TEST(WsFrame, HeadersEqualTheRfcForEveryOpcodeLengthAndFlag) {
    for (unsigned opcode : {0, 1, 2, 8, 9, 10}) {
        for (const uint64_t length : kLengths) {
            for (unsigned flags = 0; flags < 8; ++flags) {
                const bool fin = flags & 1, rsv1 = flags & 2, masked = flags & 4;
                const ws_test::Frame frame{.opcode = opcode,
                                           .payload = {},
                                           .fin = fin,
                                           .rsv = rsv1 ? 4U : 0U,
                                           .declared_bytes = length};
                const Bytes expected = masked ? ws_test::masked(frame) : ws_test::unmasked(frame);
                const uint8_t* mask = masked ? ws_test::kTestMask.data() : nullptr;
                EXPECT_EQ(header(Opcode(opcode), fin, length, rsv1, mask), expected)
                    << "opcode " << opcode << " length " << length << " flags " << flags;
                EXPECT_EQ(frame_header_bytes(length, masked), expected.size());
            }
        }
    }
}

TEST(WsFrame, TheExamplesOfTheRfc) { // section 5.7
    EXPECT_EQ(header(Opcode::text, true, 5, false, nullptr), Bytes("\x81\x05"));
    EXPECT_EQ(header(Opcode::text, true, 5, false, ws_test::kTestMask.data()),
              Bytes("\x81\x85\x37\xfa\x21\x3d"));
    EXPECT_EQ(header(Opcode::binary, true, 256, false, nullptr), Bytes("\x82\x7e\x01\x00", 4));
    EXPECT_EQ(header(Opcode::binary, true, 65536, false, nullptr),
              Bytes("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10));
}

TEST(WsFrame, EveryCloseCodeIsValidOrNotAsTheRegistrySays) {
    // Section 7.4 and the IANA registry, name by name: defined codes but the three that are never
    // sent; 3000-3999 registered by libraries, 4000-4999 private.
    const std::vector<unsigned> sendable = {1000, 1001, 1002, 1003, 1007, 1008,
                                            1009, 1010, 1011, 1012, 1013, 1014};
    for (unsigned code = 0; code <= 0xFFFF; ++code) {
        const bool right =
            std::ranges::count(sendable, code) == 1 || (code / 1000 == 3 || code / 1000 == 4);
        EXPECT_EQ(close_code_valid_on_wire(static_cast<uint16_t>(code)), right) << code;
    }
}

TEST(WsFrame, ControlOpcodesAreThoseWithTheHighBit) {
    for (unsigned opcode = 0; opcode < 16; ++opcode) {
        EXPECT_EQ(is_control(Opcode(opcode)), opcode >= 8) << opcode;
    }
}

Bytes close_bytes(CloseCode code, std::string_view reason) {
    uint8_t out[kMaxControlPayloadBytes];
    const size_t size = encode_close_payload(out, code, reason);
    return Bytes(out, out + size);
}

TEST(WsFrame, ClosePayloadHoldsTheCodeAndTheReason) {
    EXPECT_EQ(close_bytes(CloseCode::normal, ""), Bytes("\x03\xe8"));
    EXPECT_EQ(close_bytes(CloseCode::going_away, "bye"), Bytes("\x03\xe9") + "bye");
    for (const CloseCode never_sent : {CloseCode::no_status_received, CloseCode::abnormal_closure,
                                       CloseCode::tls_handshake, CloseCode(0), CloseCode(5000)}) {
        EXPECT_EQ(close_bytes(never_sent, "x"), "") << static_cast<int>(never_sent);
    }
}

TEST(WsFrame, ATooLongReasonIsCutBetweenCodePoints) {
    const Bytes units[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (const Bytes& unit : units) {
        for (size_t lead = 0; lead < 4; ++lead) {
            Bytes reason(lead, 'a');
            while (reason.size() < 300) {
                reason += unit;
            }
            const Bytes payload = close_bytes(CloseCode::policy_violation, reason);
            const Bytes kept = payload.substr(2);
            EXPECT_LE(kept.size(), kMaxCloseReasonBytes);
            EXPECT_GT(kept.size() + unit.size(), kMaxCloseReasonBytes) << "cut more than needed";
            EXPECT_TRUE(reason.starts_with(kept));
            EXPECT_EQ((kept.size() - lead) % unit.size(), 0U);
        }
    }
}

TEST(WsFrame, AReasonOfNothingButContinuationBytesIsDropped) {
    EXPECT_EQ(close_bytes(CloseCode::normal, Bytes(200, '\x80')), Bytes("\x03\xe8"));
}

TEST(WsFrame, MaskingIsTheXorOfSection53) {
    std::mt19937 random(7);
    for (size_t size = 0; size <= 200; ++size) {
        for (size_t start = 0; start < 8; ++start) { // every phase, every alignment
            Bytes plain(start + size, '\0');
            for (char& c : plain) {
                c = static_cast<char>(random());
            }
            Bytes expected = plain;
            for (size_t i = 0; i < size; ++i) {
                expected[start + i] ^= static_cast<char>(ws_test::kTestMask[(start + i) % 4]);
            }
            size_t phase = start % 4;
            Bytes got = plain;
            auto* data = reinterpret_cast<uint8_t*>(got.data());
            apply_mask({data + start, size}, ws_test::kTestMask.data(), phase);
            ASSERT_EQ(got, expected) << size << " from " << start;
            ASSERT_EQ(phase, (start + size) % 4);
        }
    }
}

TEST(WsFrame, MaskingInPiecesEqualsMaskingAtOnce) {
    std::mt19937 random(11);
    for (int round = 0; round < 2000; ++round) {
        std::vector<uint8_t> whole(random() % 300, 0x5A);
        std::vector<uint8_t> pieces = whole;
        size_t phase = 0;
        apply_mask(whole, ws_test::kTestMask.data(), phase);
        const size_t whole_phase = phase;
        phase = 0;
        for (size_t at = 0; at < pieces.size();) {
            const size_t size = std::min<size_t>(random() % 40, pieces.size() - at);
            apply_mask(std::span(pieces).subspan(at, size), ws_test::kTestMask.data(), phase);
            at += size;
        }
        ASSERT_EQ(pieces, whole);
        ASSERT_EQ(phase, whole_phase);
    }
}

} // namespace
} // namespace mr

// The decoder refuses what RFC 6455 forbids with the right close code at the earliest byte, keeps
// its limits, lends and returns its scratch, and stays stopped.
#include "shared/ws_frame.h"
#include "tests/unit/shared_ws_support.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

using ws_test::Bytes;
using ws_test::decode;
using ws_test::Feeder;
using ws_test::Frame;
using ws_test::masked;
using ws_test::unmasked;

using Records = std::vector<Bytes>;

// The 1-based number of the byte with which a byte-by-byte feed ends in an error; 0 for none.
size_t error_at_byte(const Bytes& input, FrameLimits limits = {}) {
    Feeder feeder(Role::server, limits);
    for (size_t i = 0; i < input.size(); ++i) {
        feeder.feed(input.substr(i, 1));
        if (feeder.decoder.stopped()) {
            return feeder.records.back().starts_with("error") ? i + 1 : 0;
        }
    }
    return 0;
}

TEST(WsDecoder, TheExamplesOfTheRfc) { // section 5.7
    EXPECT_EQ(decode("\x81\x05Hello", Role::client), Records{"text:Hello"});
    EXPECT_EQ(decode("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), Records{"text:Hello"});
    EXPECT_EQ(decode(Bytes("\x01\x03Hel\x80\x02lo", 9), Role::client), Records{"text:Hello"});
    EXPECT_EQ(decode("\x89\x05Hello", Role::client), Records{"ping:Hello"});
    EXPECT_EQ(decode("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), Records{"pong:Hello"});
}

TEST(WsDecoder, EveryFirstByteIsTakenOrRefusedAtOnce) {
    for (const bool deflate : {false, true}) {
        for (const bool inside : {false, true}) { // a fragmented message is open
            for (unsigned byte = 0; byte < 256; ++byte) {
                const unsigned opcode = byte & 15, rsv = byte >> 4 & 7;
                const bool fin = byte & 0x80;
                const bool data_start = opcode == 1 || opcode == 2;
                const bool known = opcode == 0 || data_start || (opcode >= 8 && opcode <= 10);
                const bool in_place = opcode == 0 ? inside : data_start ? !inside : fin;
                const bool rsv_fine = rsv == 0 || (rsv == 4 && deflate && data_start);
                Feeder feeder(Role::server, {.rsv1_allowed = deflate});
                if (inside) {
                    feeder.feed(masked({.opcode = 2, .payload = "part", .fin = false}));
                }
                feeder.feed(Bytes(1, static_cast<char>(byte)));
                const bool right = known && in_place && rsv_fine;
                EXPECT_EQ(feeder.records, right ? Records{} : Records{"error 1002"})
                    << "byte " << byte << " inside " << inside << " deflate " << deflate;
            }
        }
    }
}

TEST(WsDecoder, MaskingMustFitTheRole) {
    for (const Frame& frame : {Frame{.opcode = 1, .payload = "hi"}, Frame{.opcode = 9},
                               Frame{.opcode = 8}, Frame{.opcode = 2, .fin = false}}) {
        EXPECT_EQ(decode(unmasked(frame), Role::server), Records{"error 1002"});
        EXPECT_EQ(decode(masked(frame), Role::client), Records{"error 1002"});
        EXPECT_EQ(error_at_byte(unmasked(frame)), 2U);
    }
}

TEST(WsDecoder, EveryLengthBoundaryArrivesWhole) {
    for (const size_t size : {0, 1, 125, 126, 127, 128, 65535, 65536, 65537}) {
        for (const unsigned opcode : {1U, 2U}) {
            const Bytes payload(size, opcode == 1 ? '*' : '\xFE');
            const Records expected{(opcode == 1 ? "text:" : "binary:") + payload};
            const Frame frame{.opcode = opcode, .payload = payload};
            EXPECT_EQ(decode(masked(frame), Role::server), expected) << size;
            EXPECT_EQ(decode(unmasked(frame), Role::client), expected) << size;
        }
    }
}

TEST(WsDecoder, LengthsMustBeInTheirShortestForm) {
    using ws_test::LengthForm;
    const struct {
        uint64_t length;
        LengthForm form;
        size_t error_byte; // 0: fine
    } cases[] = {
        {0, LengthForm::bits16, 4},
        {125, LengthForm::bits16, 4},
        {126, LengthForm::bits16, 0},
        {65535, LengthForm::bits16, 0},
        {0, LengthForm::bits64, 10},
        {125, LengthForm::bits64, 10},
        {126, LengthForm::bits64, 10},
        {65535, LengthForm::bits64, 10},
        {65536, LengthForm::bits64, 0},
        {1ULL << 63, LengthForm::bits64, 3},
        {~uint64_t{0}, LengthForm::bits64, 3},
    };
    for (const auto& c : cases) {
        const Bytes input = masked({.opcode = 2, .declared_bytes = c.length, .form = c.form});
        EXPECT_EQ(error_at_byte(input), c.error_byte) << c.length;
        EXPECT_EQ(decode(input), c.error_byte ? Records{"error 1002"} : Records{}) << c.length;
    }
}

TEST(WsDecoder, ControlFramesOfMoreThan125BytesAreRefusedAtTheirLength) {
    for (const unsigned opcode : {8U, 9U, 10U}) {
        for (const uint64_t length : {126ULL, 127ULL, 65536ULL, 1ULL << 40}) {
            const Bytes input = masked({.opcode = opcode, .declared_bytes = length});
            EXPECT_EQ(decode(input), Records{"error 1002"});
            EXPECT_EQ(error_at_byte(input), 2U) << opcode << " " << length;
        }
    }
}

TEST(WsDecoder, ADeclaredSizeAboveTheLimitIsRefusedFromTheHeaderAlone) {
    const FrameLimits limits{.max_frame_bytes = 70000, .max_message_bytes = 1 << 30};
    const struct {
        uint64_t length;
        size_t error_byte;
    } cases[] = {
        {70000, 0}, {70001, 10}, {1ULL << 31, 10}, {1ULL << 40, 10}, {(1ULL << 63) - 1, 10}};
    for (const auto& c : cases) {
        const Bytes input = masked({.opcode = 2, .declared_bytes = c.length});
        EXPECT_EQ(decode(input, Role::server, limits),
                  c.error_byte ? Records{"error 1009"} : Records{});
        EXPECT_EQ(error_at_byte(input, limits), c.error_byte) << c.length;
    }
}

TEST(WsDecoder, AMessagesTotalIsLimitedAcrossItsFrames) {
    const FrameLimits limits{.max_frame_bytes = 100, .max_message_bytes = 150};
    const Bytes first = masked({.opcode = 2, .payload = Bytes(100, 'a'), .fin = false});
    const Bytes fits = masked({.opcode = 0, .payload = Bytes(50, 'b')});
    const Bytes over = masked({.opcode = 0, .declared_bytes = 51});
    const Bytes ping = masked({.opcode = 9, .payload = Bytes(125, 'p')}); // counts for nothing
    EXPECT_EQ(decode(first + ping + fits + first + fits, Role::server, limits),
              (Records{"ping:" + Bytes(125, 'p'), "binary:" + Bytes(100, 'a') + Bytes(50, 'b'),
                       "binary:" + Bytes(100, 'a') + Bytes(50, 'b')}));
    EXPECT_EQ(decode(first + over, Role::server, limits), Records{"error 1009"});
    EXPECT_EQ(error_at_byte(first + over, limits), first.size() + 2);
}

TEST(WsDecoder, ALimitLoweredInsideAMessageHolds) {
    FrameDecoder decoder(Role::client);
    Bytes input = unmasked({.opcode = 2, .payload = Bytes(100, 'a'), .fin = false});
    std::span<uint8_t> rest(reinterpret_cast<uint8_t*>(input.data()), input.size());
    EXPECT_EQ(decoder.next(rest, {}).kind, EventKind::data);
    input = unmasked({.opcode = 0});
    rest = {reinterpret_cast<uint8_t*>(input.data()), input.size()};
    EXPECT_EQ(decoder.next(rest, {.max_message_bytes = 50}).close_code, 1009);
}

TEST(WsDecoder, FragmentsAreCountedEmptyOnesToo) {
    for (const Bytes& payload : {Bytes{}, Bytes{"x"}}) {
        const FrameLimits limits{.max_fragments = 3};
        const Bytes first = masked({.opcode = 1, .payload = payload, .fin = false});
        const Bytes more = masked({.opcode = 0, .payload = payload, .fin = false});
        const Bytes last = masked({.opcode = 0, .payload = payload});
        const Bytes ping = masked({.opcode = 9}); // is no fragment
        const Bytes text = "text:" + payload + payload + payload;
        EXPECT_EQ(decode(first + more + ping + last + first + more + last, Role::server, limits),
                  (Records{"ping:", text, text}));
        EXPECT_EQ(decode(first + more + more + last, Role::server, limits), Records{"error 1008"});
    }
    EXPECT_EQ(decode(masked({.opcode = 1}), Role::server, {.max_fragments = 0}),
              Records{"error 1008"});
}

TEST(WsDecoder, TextIsRefusedAtItsFirstImpossibleByteInsideAFrameToo) {
    const Bytes bad = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xF4\x90\x80\x80"
                      "edited";
    const size_t bad_byte = 13; // 1-based: 0x90
    const Bytes frame = masked({.opcode = 1, .payload = bad});
    EXPECT_EQ(error_at_byte(frame), 6 + bad_byte);
    EXPECT_EQ(decode(frame), Records{"error 1007"});

    Bytes fragments;
    for (size_t i = 0; i < bad.size(); ++i) {
        fragments += masked(
            {.opcode = i == 0 ? 1U : 0U, .payload = bad.substr(i, 1), .fin = i + 1 == bad.size()});
    }
    EXPECT_EQ(error_at_byte(fragments), 7 * bad_byte);
    EXPECT_EQ(decode(masked({.opcode = 2, .payload = bad})), Records{"binary:" + bad});
}

TEST(WsDecoder, TextMayEndInsideACodePointOnlyWhereTheMessageGoesOn) {
    const Bytes smile = "\xF0\x9F\x98\x80";
    for (size_t cut = 0; cut <= smile.size(); ++cut) {
        const Bytes first = masked({.opcode = 1, .payload = smile.substr(0, cut), .fin = false});
        const Bytes ping = masked({.opcode = 9, .payload = "\xFF"}); // no text, no matter
        const Bytes last = masked({.opcode = 0, .payload = smile.substr(cut)});
        EXPECT_EQ(decode(first + ping + last), (Records{"ping:\xFF", "text:" + smile})) << cut;
        const Bytes alone = masked({.opcode = 1, .payload = smile.substr(0, cut)});
        const bool whole = cut % smile.size() == 0;
        EXPECT_EQ(decode(alone),
                  whole ? Records{"text:" + smile.substr(0, cut)} : Records{"error 1007"});
        const Bytes empty_end = masked({.opcode = 0});
        EXPECT_EQ(decode(first + empty_end),
                  whole ? Records{"text:" + smile.substr(0, cut)} : Records{"error 1007"});
    }
}

TEST(WsDecoder, TheNextMessageStartsAFreshText) {
    FrameDecoder decoder(Role::client);
    const auto give = [&](Frame frame, bool validate) {
        Bytes bytes = unmasked(frame);
        std::span<uint8_t> input(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
        return decoder.next(input, {.validate_utf8 = validate}).kind;
    };
    EXPECT_EQ(give({.opcode = 1, .payload = "\xE2\x82", .fin = false}, true), EventKind::data);
    EXPECT_EQ(give({.opcode = 0, .payload = "\xFF"}, false), EventKind::data) << "not looked at";
    EXPECT_EQ(give({.opcode = 1, .payload = "new"}, true), EventKind::data);
    EXPECT_EQ(give({.opcode = 1, .payload = "\xAC"}, true), EventKind::error);
}

TEST(WsDecoder, ACompressedMessageIsFlaggedAndNotReadAsText) {
    Feeder feeder(Role::server, {.rsv1_allowed = true});
    feeder.feed(masked({.opcode = 1, .payload = "\xFF\xFE", .fin = false, .rsv = 4}));
    EXPECT_TRUE(feeder.compressed);
    feeder.feed(masked({.opcode = 0, .payload = "\xFD"}));
    EXPECT_TRUE(feeder.compressed) << "the flag stands on every piece";
    feeder.feed(masked({.opcode = 1, .payload = "plain"}));
    EXPECT_FALSE(feeder.compressed);
    feeder.feed(masked({.opcode = 1, .payload = "\xFF"}));
    EXPECT_EQ(feeder.records, (Records{"text:\xFF\xFE\xFD", "text:plain", "error 1007"}));
    EXPECT_EQ(feeder.problem, "");
}

TEST(WsDecoder, CloseFrames) {
    const struct {
        Bytes payload;
        Bytes record;
    } cases[] = {
        {"", "close 1005:"},
        {"\x03", "error 1002"},
        {ws_test::close_payload(1000), "close 1000:"},
        {ws_test::close_payload(4999, "so long"), "close 4999:so long"},
        {ws_test::close_payload(1000, Bytes(123, '*')), "close 1000:" + Bytes(123, '*')},
        {ws_test::close_payload(1000, "\xED\xA0\x80"), "error 1007"},
        {ws_test::close_payload(1000, "cut \xE2\x82"), "error 1007"},
        {ws_test::close_payload(999, "\xFF"), "error 1002"},
    };
    for (const auto& c : cases) {
        const Bytes input = masked({.opcode = 8, .payload = c.payload});
        EXPECT_EQ(decode(input), Records{c.record});
        Feeder by_byte;
        by_byte.feed_in_pieces_of(input, 1);
        EXPECT_EQ(by_byte.records, Records{c.record});
    }
}

TEST(WsDecoder, AOneByteCloseDoesNotBorrowTheByteBehindIt) {
    const Bytes half_a_code = masked({.opcode = 8, .payload = "\x03"});
    EXPECT_EQ(decode(half_a_code + "\xE8"), Records{"error 1002"}); // not 1000
}

TEST(WsDecoder, EveryCloseCodeFrom0To5000) {
    for (unsigned code = 0; code <= 5000; ++code) {
        const bool right =
            (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
            (code >= 3000 && code < 5000);
        const Bytes input = masked({.opcode = 8, .payload = ws_test::close_payload(code)});
        EXPECT_EQ(decode(input),
                  Records{right ? "close " + std::to_string(code) + ":" : "error 1002"})
            << code;
    }
}

TEST(WsDecoder, NothingIsLookedAtAfterACloseOrAnError) {
    const Bytes good = masked({.opcode = 1, .payload = "late"}) + masked({.opcode = 9});
    for (const Bytes& end : {masked({.opcode = 8}), masked({.opcode = 3})}) {
        Feeder feeder;
        feeder.feed(end + good);
        ASSERT_EQ(feeder.records.size(), 1U);
        feeder.feed(good);
        feeder.feed_in_pieces_of(good, 1);
        EXPECT_EQ(feeder.records.size(), 1U);
        EXPECT_TRUE(feeder.decoder.stopped());
        EXPECT_FALSE(feeder.decoder.in_message());
        EXPECT_EQ(feeder.problem, "");
    }
}

TEST(WsDecoder, AnErrorInsideAMessageForgetsIt) {
    Feeder feeder;
    feeder.feed(masked({.opcode = 1, .payload = "part", .fin = false}));
    feeder.feed(masked({.opcode = 0, .payload = "\xFF and on"}).substr(0, 8));
    EXPECT_EQ(feeder.records, Records{"error 1007"});
    EXPECT_FALSE(feeder.decoder.in_message());
    EXPECT_FALSE(feeder.decoder.idle());
    EXPECT_EQ(feeder.decoder.frame_remaining_bytes(), 0U);
}

TEST(WsDecoder, InputAfterTheEndIsReportedOnceAndDropped) {
    FrameDecoder decoder(Role::client);
    uint8_t bytes[] = {0x83, 0x00, 0x81, 0x00};
    std::span<uint8_t> input = bytes;
    EXPECT_EQ(decoder.next(input, {}).kind, EventKind::error);
    EXPECT_EQ(decoder.next(input, {}).kind, EventKind::stopped);
    EXPECT_TRUE(input.empty());
    EXPECT_EQ(decoder.next(input, {}).kind, EventKind::need_more);
}

TEST(WsDecoder, ScratchIsAskedForOnlyWhenAControlPayloadIsCut) {
    const Bytes payload = "0123456789";
    const Bytes frame = masked({.opcode = 9, .payload = payload});
    for (size_t cut = 0; cut <= frame.size(); ++cut) {
        Feeder feeder;
        feeder.feed(frame.substr(0, cut));
        feeder.feed(frame.substr(cut));
        const bool inside_payload = cut > 6 && cut < frame.size();
        EXPECT_EQ(feeder.need_scratch_events, inside_payload ? 1U : 0U) << cut;
        EXPECT_EQ(feeder.records, Records{"ping:" + payload}) << cut;
        EXPECT_EQ(feeder.problem, "");
    }
}

TEST(WsDecoder, ScratchLentOnceServesEveryControlFrame) {
    uint8_t scratch[kMaxControlPayloadBytes];
    FrameDecoder decoder(Role::server);
    decoder.lend_scratch(scratch);
    for (const size_t size : {1, 2, 124, 125}) {
        Bytes frame = masked({.opcode = 10, .payload = Bytes(size, 'p')});
        Bytes got;
        for (char& byte : frame) {
            std::span<uint8_t> input(reinterpret_cast<uint8_t*>(&byte), 1);
            const FrameEvent event = decoder.next(input, {});
            if (event.kind == EventKind::pong) {
                got.assign(event.payload.begin(), event.payload.end());
            }
        }
        EXPECT_EQ(got, Bytes(size, 'p'));
    }
    EXPECT_EQ(decoder.reclaim_scratch(), scratch);
    EXPECT_EQ(decoder.reclaim_scratch(), nullptr);
}

TEST(WsDecoder, ScratchInUseIsNotGivenBack) {
    uint8_t scratch[kMaxControlPayloadBytes];
    FrameDecoder decoder(Role::server);
    decoder.lend_scratch(scratch);
    Bytes frame = masked({.opcode = 9, .payload = "ping"});
    std::span<uint8_t> input(reinterpret_cast<uint8_t*>(frame.data()), frame.size() - 1);
    EXPECT_EQ(decoder.next(input, {}).kind, EventKind::need_more);
    EXPECT_EQ(decoder.reclaim_scratch(), nullptr);
    input = {reinterpret_cast<uint8_t*>(frame.data()) + frame.size() - 1, 1};
    EXPECT_EQ(decoder.next(input, {}).kind, EventKind::ping);
    EXPECT_EQ(decoder.reclaim_scratch(), scratch);
}

TEST(WsDecoder, IdleMeansNoByteOfAFrameAndNoOpenMessage) {
    Feeder feeder;
    EXPECT_TRUE(feeder.decoder.idle());
    const Bytes frame = masked({.opcode = 1, .payload = "ab", .fin = false});
    for (size_t i = 0; i < frame.size(); ++i) {
        feeder.feed(frame.substr(i, 1));
        EXPECT_FALSE(feeder.decoder.idle()) << i;
    }
    feeder.feed(masked({.opcode = 0}));
    EXPECT_TRUE(feeder.decoder.idle());
    feeder.feed(masked({.opcode = 9, .payload = "p"}));
    EXPECT_TRUE(feeder.decoder.idle());
}

TEST(WsDecoder, RemainingBytesTellWhatIsStillToCome) {
    Feeder feeder;
    const Bytes frame = masked({.opcode = 2, .payload = Bytes(1000, 'x')});
    feeder.feed(frame.substr(0, 8));
    EXPECT_EQ(feeder.decoder.frame_remaining_bytes(), 1000U);
    feeder.feed(frame.substr(8, 300));
    EXPECT_EQ(feeder.decoder.frame_remaining_bytes(), 700U);
    feeder.feed(frame.substr(308));
    EXPECT_EQ(feeder.decoder.frame_remaining_bytes(), 0U);
}

} // namespace
} // namespace mr

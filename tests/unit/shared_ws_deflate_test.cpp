#include "shared/ws_deflate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>

namespace mr {
namespace {

using Bytes = std::string;

ByteView view(const Bytes& bytes) {
    return as_bytes(std::string_view(bytes));
}

struct Outcome {
    unsigned code = 0; // 0: no error
    Bytes bytes;
    size_t fed_bytes = 0;
    bool operator==(const Outcome&) const = default;
};

// Feeds a payload in pieces of that size, each in an allocation of its own.
Outcome inflate_in(const Bytes& payload, size_t piece_bytes, bool text = false,
                   const InflateLimits& limits = {}) {
    MessageInflater inflater;
    EXPECT_TRUE(inflater.open());
    inflater.start(text);
    Buffer out;
    Outcome outcome;
    size_t at = 0;
    do {
        const size_t size = std::min(piece_bytes, payload.size() - at);
        const auto piece = std::make_unique<uint8_t[]>(size);
        std::copy_n(payload.begin() + static_cast<long>(at), size, piece.get());
        at += size;
        outcome.fed_bytes = at;
        const InflateError error =
            inflater.feed({piece.get(), size}, at == payload.size(), limits, out);
        if (error) {
            outcome.code = static_cast<unsigned>(error.code);
            return outcome;
        }
    } while (at < payload.size());
    outcome.bytes = Bytes(out.text());
    return outcome;
}

Bytes deflated(const Bytes& message, int level = 6, int window_bits = 15) {
    MessageDeflater deflater;
    Buffer out;
    const ByteView parts[] = {view(message)};
    EXPECT_TRUE(deflater.compress(parts, level, window_bits, out));
    return Bytes(out.text());
}

Bytes words(size_t size) {
    static const Bytes kWords[] = {"invoice ", "project ", "harbor ",
                                   "open ",    "total ",   "\xC3\xA9"};
    std::mt19937 random(7);
    Bytes text;
    while (text.size() < size) {
        text += kWords[random() % std::size(kWords)];
    }
    return text;
}

TEST(WsDeflate, TheExamplesOfTheRfc) { // RFC 7692 section 7.2.3
    const Bytes hello = "Hello";
    EXPECT_EQ(inflate_in("\xF2\x48\xCD\xC9\xC9\x07" + Bytes(1, '\0'), 100).bytes, hello);
    const Bytes stored("\x00\x05\x00\xFA\xFF\x48\x65\x6C\x6C\x6F\x00", 11);
    EXPECT_EQ(inflate_in(stored, 100).bytes, hello);
    const Bytes final_block("\xF3\x48\xCD\xC9\xC9\x07\x00\x00", 8);
    EXPECT_EQ(inflate_in(final_block, 100).bytes, hello);
    const Bytes two_blocks("\xF2\x48\x05\x00\x00\x00\xFF\xFF\xCA\xC9\xC9\x07\x00", 13);
    EXPECT_EQ(inflate_in(two_blocks, 100).bytes, hello);
    EXPECT_EQ(deflated(hello), "\xF2\x48\xCD\xC9\xC9\x07" + Bytes(1, '\0'));
    EXPECT_EQ(deflated(""), Bytes(1, '\0'));
    EXPECT_EQ(inflate_in(Bytes(1, '\0'), 1), (Outcome{0, "", 1}));
}

TEST(WsDeflate, EveryLevelAndWindowComesBackInPiecesOfAnySize) {
    const Bytes text = words(100'000);
    MessageDeflater deflater; // one for all of them, as in a process
    Buffer out;
    const ByteView parts[] = {
        view(text).first(1), view(text).subspan(1, 40'000), {}, view(text).subspan(40'001)};
    for (const int window_bits : {9, 12, 15, 9}) {
        for (int level = 1; level <= 9; ++level) {
            ASSERT_TRUE(deflater.compress(parts, level, window_bits, out));
            EXPECT_LT(out.size(), text.size() / 2);
            for (const size_t piece : {size_t{997}, size_t{1} << 30}) {
                EXPECT_EQ(inflate_in(Bytes(out.text()), piece, true).bytes, text);
            }
        }
    }
    EXPECT_EQ(inflate_in(Bytes(out.text()), 1, true).bytes, text);
}

TEST(WsDeflate, NothingIsCarriedFromOneMessageToTheNext) {
    const Bytes text = words(3000);
    MessageDeflater deflater;
    Buffer first;
    Buffer second;
    const ByteView parts[] = {view(text)};
    ASSERT_TRUE(deflater.compress(parts, 6, 15, first));
    ASSERT_TRUE(deflater.compress(parts, 6, 15, second));
    EXPECT_EQ(first.text(), second.text());

    MessageInflater inflater;
    ASSERT_TRUE(inflater.open());
    Buffer out;
    inflater.start(true);
    EXPECT_TRUE(inflater.feed(view("\xFF\xFF"), false, {}, out)); // broken
    out.clear();
    inflater.start(true);
    EXPECT_FALSE(inflater.feed(first.view(), true, {}, out));
    EXPECT_EQ(out.text(), text);
}

TEST(WsDeflate, AFinalBlockEndsTheStreamNotTheMessage) {
    const Bytes hello("\xF3\x48\xCD\xC9\xC9\x07\x00", 7); // with its final bit set
    const Bytes twice = hello + hello + Bytes(1, '\0');
    EXPECT_EQ(inflate_in(twice, 100), (Outcome{0, "HelloHello", 15}));
    EXPECT_EQ(inflate_in(twice, 1), (Outcome{0, "HelloHello", 15}));
}

TEST(WsDeflate, BrokenDataIsInvalidPayload) {
    const Bytes good = deflated(words(5000));
    for (const size_t piece : {size_t{1}, size_t{1} << 30}) {
        EXPECT_EQ(inflate_in("\xFF\xFF\xFF\xFF", piece).code, 1007U); // reserved block type
        EXPECT_EQ(inflate_in(Bytes("\x00\x05\x00\x00\x00hello", 10), piece).code, 1007U);
        EXPECT_EQ(inflate_in("", piece).code, 1007U); // RFC 7692 asks for a byte
        EXPECT_EQ(inflate_in(good.substr(0, good.size() / 2), piece).code, 1007U);
        EXPECT_EQ(inflate_in(good.substr(0, good.size() - 1), piece).code, 1007U);
        EXPECT_EQ(inflate_in("\x02\x50\x7A" + Bytes(1, '\0'), piece).code, 1007U); // far back
    }
}

TEST(WsDeflate, TextIsRefusedAtItsFirstImpossibleByte) {
    const Bytes good = words(50'000);
    // Stored blocks: the place of each byte is known.
    const auto stored = [](const Bytes& bytes) {
        const auto n = static_cast<uint16_t>(bytes.size());
        const auto low = static_cast<char>(n), high = static_cast<char>(n >> 8);
        return Bytes{'\0', low, high, static_cast<char>(~low), static_cast<char>(~high)} + bytes;
    };
    const Bytes broken = stored("fine \xED\xA0") + stored(good) + Bytes(1, '\0');
    const Outcome outcome = inflate_in(broken, 1, true);
    EXPECT_EQ(outcome.code, 1007U);
    EXPECT_EQ(outcome.fed_bytes, 12U); // a surrogate cannot go on behind ED
    EXPECT_EQ(inflate_in(broken, 1, false).code, 0U);
    EXPECT_EQ(inflate_in(deflated("half \xF0\x9F"), 100, true).code, 1007U);
    EXPECT_EQ(inflate_in(deflated("half \xF0\x9F"), 100, false).code, 0U);
}

TEST(WsDeflate, InflatedSizeIsLimitedWhileItGrows) {
    const Bytes zeros(1 << 20, '\0');
    const Bytes packed = deflated(zeros, 9);
    ASSERT_LT(packed.size(), 1200U);
    EXPECT_EQ(inflate_in(packed, 1 << 20, false, {.max_message_bytes = 1 << 20}).bytes, zeros);
    const Outcome over = inflate_in(packed, 16, false, {.max_message_bytes = 100'000});
    EXPECT_EQ(over.code, 1009U);
    EXPECT_LT(over.fed_bytes, packed.size() / 4); // not at the end

    Buffer out;
    MessageInflater inflater;
    ASSERT_TRUE(inflater.open());
    inflater.start(false);
    EXPECT_TRUE(inflater.feed(view(packed), true, {.max_message_bytes = 100'000}, out));
    EXPECT_LE(out.size(), 100'001U);
    EXPECT_LE(out.capacity(), 262'144U);
}

TEST(WsDeflate, TheFirstWrongByteDecidesHoweverTheMessageIsCut) {
    const Bytes broken_first = deflated(Bytes(50, 'a') + "\xFF" + Bytes(100, 'b'));
    const Bytes too_big_first = deflated(Bytes(120, 'a') + "\xFF");
    const InflateLimits limits{.max_message_bytes = 100};
    for (const size_t piece : {size_t{1}, size_t{1} << 20}) {
        EXPECT_EQ(inflate_in(broken_first, piece, true, limits).code, 1007U);
        EXPECT_EQ(inflate_in(too_big_first, piece, true, limits).code, 1009U);
    }
}

TEST(WsDeflate, TheRatioIsLimitedBehindWhatIsFree) {
    const Bytes zeros(1 << 20, '\0');
    const Bytes packed = deflated(zeros, 9);
    EXPECT_EQ(inflate_in(packed, 1 << 20, false, {.max_ratio = 100}).code, 1009U);
    EXPECT_EQ(inflate_in(packed, 1 << 20, false, {.max_ratio = 1100}).code, 0U);
    EXPECT_EQ(inflate_in(packed, 1, false, {.max_ratio = 100}).code, 1009U);
    const Bytes short_run = deflated(Bytes(kRatioFreeBytes, '*'), 9);
    EXPECT_EQ(inflate_in(short_run, 1 << 20, false, {.max_ratio = 2}).code, 0U);
    EXPECT_EQ(inflate_in(deflated(words(500'000)), 1 << 20, true, {.max_ratio = 100}).code, 0U);
}

TEST(WsDeflate, GarbageGivesTheSameHoweverItIsCut) {
    std::mt19937 random(5);
    const Bytes good = deflated(words(2000));
    size_t refused = 0;
    for (int round = 0; round < 5000; ++round) {
        Bytes input = good;
        for (unsigned flips = random() % 4; flips > 0; --flips) {
            input[random() % input.size()] = static_cast<char>(random());
        }
        const InflateLimits limits{.max_message_bytes = 10'000, .max_ratio = 50};
        Outcome whole = inflate_in(input, 1 << 20, true, limits);
        Outcome cut = inflate_in(input, random() % 50 + 1, true, limits);
        whole.fed_bytes = cut.fed_bytes = 0;
        ASSERT_EQ(whole, cut) << "round " << round;
        refused += whole.code != 0;
    }
    EXPECT_GT(refused, 1000U);
}

} // namespace
} // namespace mr

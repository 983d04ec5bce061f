// The UTF-8 validator equals an independent statement of RFC 3629, byte by byte, wherever the text
// is cut and wherever in a block it stands.
#include "shared/utf8.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

namespace mr {
namespace {

std::span<const uint8_t> bytes_of(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// RFC 3629 as arithmetic: a code point encoded from its number, in the given count of bytes.
std::string encoded(uint32_t code_point, int count) {
    if (count == 1) {
        return std::string(1, static_cast<char>(code_point));
    }
    std::string out(static_cast<size_t>(count), '\0');
    for (int i = count - 1; i > 0; --i, code_point >>= 6) {
        out[static_cast<size_t>(i)] = static_cast<char>(0x80 | (code_point & 0x3F));
    }
    out[0] = static_cast<char>((0xF00 >> count & 0xFF) | code_point);
    return out;
}

int shortest(uint32_t code_point) {
    return code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
}

bool is_scalar(uint32_t code_point) {
    return code_point <= 0x10FFFF && (code_point < 0xD800 || code_point > 0xDFFF);
}

// Feeds byte by byte: where the text is refused, if it is.
std::optional<size_t> refused_at(const std::string& text) {
    Utf8State state;
    for (size_t i = 0; i < text.size(); ++i) {
        if (utf8_feed(state, bytes_of(text).subspan(i, 1)) == 0) {
            return i;
        }
    }
    return std::nullopt;
}

TEST(Utf8, AcceptsExactlyTheShortestFormOfEveryScalarValue) {
    for (uint32_t code_point = 0; code_point <= 0x1FFFFF; ++code_point) {
        for (int count = shortest(code_point); count <= 4; ++count) {
            const bool right = is_scalar(code_point) && count == shortest(code_point);
            if (utf8_valid(bytes_of(encoded(code_point, count))) != right) {
                FAIL() << code_point << " in " << count << " bytes";
            }
        }
    }
}

TEST(Utf8, EverySequenceOfUpToThreeBytesIsValidIffItIsMadeOfScalarValues) {
    // valid[s]: what a decoder by arithmetic, built from the set of all encodings, accepts
    std::vector<bool> one(1 << 8), two(1 << 16), three(1 << 24);
    for (uint32_t code_point = 0; code_point < 0x10000; ++code_point) {
        if (!is_scalar(code_point)) {
            continue;
        }
        const std::string text = encoded(code_point, shortest(code_point));
        uint32_t index = 0;
        for (const char c : text) {
            index = index << 8 | static_cast<uint8_t>(c);
        }
        (text.size() == 1 ? one : text.size() == 2 ? two : three)[index] = true;
    }
    for (uint32_t s = 0; s < 1 << 24; ++s) {
        const uint8_t text[3] = {uint8_t(s >> 16), uint8_t(s >> 8), uint8_t(s)};
        const bool right = three[s] || (one[s >> 16] && two[s & 0xFFFF]) ||
                           (two[s >> 8] && one[s & 0xFF]) ||
                           (one[s >> 16] && one[s >> 8 & 0xFF] && one[s & 0xFF]);
        if (utf8_valid(text) != right) { // not ASSERT_EQ: 16 million times
            FAIL() << std::hex << s;
        }
    }
}

TEST(Utf8, RefusesAtTheFirstByteThatNoTextCanHaveThere) {
    const struct {
        std::string text;
        std::optional<size_t> at;
    } cases[] = {
        {"plain", {}},
        {"\x80", 0},
        {"a\xBF", 1},
        {"\xC0\x80", 0},                                 // overlong NUL
        {"\xC1\xBF", 0},                                 // overlong U+007F
        {"\xE0\x9F\xBF", 1},                             // overlong U+07FF
        {"\xF0\x8F\xBF\xBF", 1},                         // overlong U+FFFF
        {"\xED\xA0\x80", 1},                             // U+D800
        {"\xED\xBF\xBF", 1},                             // U+DFFF
        {"\xF4\x90\x80\x80", 1},                         // U+110000
        {"\xF5", 0},                                     //
        {"\xFE", 0},                                     //
        {"\xFF", 0},                                     //
        {"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xED\xA0\x80", 8}, // after valid text
        {"\xE2\x82", {}},                                // unfinished is not impossible
        {"\xE2\x82z", 2},                                //
        {"\xF0\x9F\x98", {}},                            //
        {"\xF0\x9F\x98\xC2", 3},                         //
    };
    for (const auto& c : cases) {
        EXPECT_EQ(refused_at(c.text), c.at) << testing::PrintToString(c.text);
        Utf8State state;
        EXPECT_EQ(utf8_feed(state, bytes_of(c.text)), c.at.value_or(c.text.size()));
    }
}

TEST(Utf8, ARejectionIsFinal) {
    Utf8State state;
    EXPECT_EQ(utf8_feed(state, bytes_of("ok\xFFok")), 2U);
    EXPECT_EQ(utf8_feed(state, bytes_of("fine on its own")), 0U);
    EXPECT_EQ(utf8_feed(state, {}), 0U);
    EXPECT_FALSE(utf8_complete(state));
}

TEST(Utf8, OnlyAnOpenCodePointMakesATextIncomplete) {
    const std::string smile = "\xF0\x9F\x98\x80";
    for (size_t size = 0; size <= smile.size(); ++size) {
        Utf8State state;
        EXPECT_EQ(utf8_feed(state, bytes_of(smile.substr(0, size))), size);
        EXPECT_EQ(utf8_complete(state), size % smile.size() == 0) << size;
    }
}

// The eight-byte blocks of the fast path: every position of a fault against the block's borders.
TEST(Utf8, AFaultIsFoundAtEveryPositionOfEveryLength) {
    const std::string fillers[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    const std::string faults[] = {"\x80", "\xFF", "\xC0", "\xED\xA0", "\xE0\x80", "\xF4\x90"};
    for (const std::string& filler : fillers) {
        for (const std::string& fault : faults) {
            for (size_t before = 0; before < 40; ++before) {
                std::string text;
                for (size_t i = 0; i < before; ++i) {
                    text += filler;
                }
                const size_t at = text.size() + fault.size() - 1;
                text += fault + "and on and on";
                Utf8State state;
                ASSERT_EQ(utf8_feed(state, bytes_of(text)), at) << testing::PrintToString(text);
            }
        }
    }
}

TEST(Utf8, TheVerdictDoesNotDependOnWhereTheTextIsCut) {
    std::mt19937 random(20240501);
    for (int round = 0; round < 20000; ++round) {
        std::string text;
        for (size_t parts = random() % 12; parts > 0; --parts) {
            const auto r = static_cast<uint32_t>(random());
            text += r % 40 == 0 ? std::string(1, static_cast<char>(r >> 8))
                    : r % 3 == 0
                        ? std::string(r >> 8 & 15, 'x')
                        : encoded(r % 0x110000, shortest(r % 0x110000)); // surrogates included
        }
        Utf8State whole;
        const size_t whole_at = utf8_feed(whole, bytes_of(text));
        Utf8State cut;
        size_t at = 0;
        while (at < text.size()) {
            const std::string piece = text.substr(at, random() % 20 + 1);
            const size_t good = utf8_feed(cut, bytes_of(piece));
            at += good;
            if (good < piece.size()) {
                break;
            }
        }
        ASSERT_EQ(at, whole_at) << testing::PrintToString(text);
        ASSERT_EQ(utf8_complete(cut), utf8_complete(whole)) << testing::PrintToString(text);
        ASSERT_EQ(refused_at(text).value_or(text.size()), whole_at);
    }
}

} // namespace
} // namespace mr

// Bytes as hexadecimal digits and as %XX.
#include "worker/encoding.h"

#include <gtest/gtest.h>

#include <array>

namespace mr {
namespace {

TEST(Encoding, HexHasTwoDigitsAByte) {
    const std::array<std::uint8_t, 4> bytes = {0x00, 0x0F, 0xA0, 0xFF};
    EXPECT_EQ(hex_of(bytes), "000fa0ff");
    EXPECT_EQ(hex_of({}), "");
}

TEST(Encoding, OnlyUnreservedCharactersStandForThemselves) {
    EXPECT_EQ(percent_encoded("AZaz09-._~"), "AZaz09-._~");
    EXPECT_EQ(percent_encoded("a b/c?d=e&f+g%h:i"), "a%20b%2Fc%3Fd%3De%26f%2Bg%25h%3Ai");
    EXPECT_EQ(percent_encoded(std::string_view("\0\x7F\xC3\xA9", 4)), "%00%7F%C3%A9");
}

} // namespace
} // namespace mr

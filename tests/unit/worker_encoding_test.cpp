// Bytes as hexadecimal digits, as %XX, as base64.
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

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(Encoding, Base64IsThatOfItsRfc) {
    const std::pair<std::string_view, std::string_view> vectors[] = {// section 10
                                                                     {"", ""},
                                                                     {"f", "Zg=="},
                                                                     {"fo", "Zm8="},
                                                                     {"foo", "Zm9v"},
                                                                     {"foob", "Zm9vYg=="},
                                                                     {"fooba", "Zm9vYmE="},
                                                                     {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, text] : vectors) {
        EXPECT_EQ(base64_of(bytes_of(plain)), text);
        EXPECT_EQ(base64_decoded(text), plain);
    }
    std::string all;
    for (int i = 0; i < 256; ++i) {
        all += static_cast<char>(i);
        EXPECT_EQ(base64_decoded(base64_of(bytes_of(all))), all);
    }
}

TEST(Encoding, Base64IsReadInBothAlphabetsAndNothingElseIs) {
    EXPECT_EQ(base64_decoded("-_8"), "\xFB\xFF");
    EXPECT_EQ(base64_decoded("+/8="), "\xFB\xFF");
    for (const std::string_view bad :
         {"Z", "Zg=", "=", "==", "Z===", "Zm9v Zm9v", "Zm9v\n", "Zm\xC3v"}) {
        EXPECT_FALSE(base64_decoded(bad).has_value()) << bad;
    }
}

} // namespace
} // namespace mr

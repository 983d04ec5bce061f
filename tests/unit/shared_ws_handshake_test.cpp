// The opening handshake's text rules: keys, accept values, token lists and subprotocol names.
#include "shared/ws_handshake.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

namespace mr {
namespace {

std::string accept_of(std::string_view key) {
    char out[kWsAcceptChars];
    return accept_key(key, out) ? std::string(out, sizeof out) : "refused";
}

TEST(WsHandshake, AcceptValues) {
    // RFC 6455 section 1.3; the others by `printf %s … | openssl sha1 -binary | base64`.
    EXPECT_EQ(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    EXPECT_EQ(accept_of("AAAAAAAAAAAAAAAAAAAAAA=="), "ICX+Yqv66kxgM0FcWaLWlFLwTAI=");
    EXPECT_EQ(accept_of("/////////////////////w=="), "XXpj4jYzLM2yUE0C7TIgMwTQh2g=");
    EXPECT_EQ(accept_of(""), "refused");
    EXPECT_EQ(accept_of("dGhlIHNhbXBsZSBub25jZQ="), "refused");
    EXPECT_EQ(accept_of("dGhlIHNhbXBsZSBub25jZQ==="), "refused");
}

TEST(WsHandshake, AcceptMatchesItsKeyOnly) {
    const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
    const std::string accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    EXPECT_TRUE(accept_matches(key, accept));
    for (size_t i = 0; i < accept.size(); ++i) {
        std::string wrong = accept;
        wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(accept_matches(key, wrong)) << i;
    }
    EXPECT_FALSE(accept_matches(key, accept + " "));
    EXPECT_FALSE(accept_matches(key, ""));
    EXPECT_FALSE(accept_matches("AAAAAAAAAAAAAAAAAAAAAA==", accept));
    EXPECT_FALSE(accept_matches("", ""));
}

TEST(WsHandshake, KeysMustDecodeToExactlySixteenBytes) {
    const struct {
        const char* key;
        bool valid;
    } cases[] = {
        {"dGhlIHNhbXBsZSBub25jZQ==", true},
        {"AAAAAAAAAAAAAAAAAAAAAA==", true},
        {"/////////////////////w==", true},
        {"++++++++++++++++++++++==", false}, // stray bits
        {"", false},
        {"dGhlIHNhbXBsZSBub25jZQ=", false},
        {"dGhlIHNhbXBsZSBub25jZQ", false},
        {"dGhlIHNhbXBsZSBub25jZQ===", false},
        {"dGhlIHNhbXBsZSBub25jZWU=", false}, // 17 bytes
        {"dGhlIHNhbXBsZSBub25jZWVl", false}, // 18 bytes
        {"dGhlIHNhbXBsZSBub25jZR==", false}, // unused bits set
        {"dGhlIHNhbXBsZSBub25j_Q==", false}, // base64url
        {"dGhlIHNhbXBsZSBub25j Q==", false},
        {" dGhlIHNhbXBsZSBub25jZQ=", false},
        {"dGhlIHNhbX=sZSBub25jZQ==", false},
        {"dGhlIHNhbXBsZSBub25jZ===", false},
        {"\xC3\xA9hlIHNhbXBsZSBub25jZQ==", false},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(key_valid(c.key), c.valid) << c.key;
    }
    std::string with_nul = "dGhlIHNhbXBsZSBub25jZQ==";
    with_nul[5] = '\0';
    EXPECT_FALSE(key_valid(with_nul));
}

TEST(WsHandshake, EveryByteAtEveryPlaceOfAKey) {
    const std::string base = "AAAAAAAAAAAAAAAAAAAAAA==";
    const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t place = 0; place < base.size(); ++place) {
        for (unsigned byte = 0; byte < 256; ++byte) {
            std::string key = base;
            key[place] = static_cast<char>(byte);
            const size_t digit = digits.find(key[place]);
            const bool right = place >= 22   ? key[place] == '='
                               : place == 21 ? digit != std::string::npos && digit % 16 == 0
                                             : digit != std::string::npos;
            EXPECT_EQ(key_valid(key), right) << place << " " << byte;
        }
    }
}

TEST(WsHandshake, MadeKeysAreValidAndDistinct) {
    std::mt19937 random(5);
    std::set<std::string> seen;
    for (int round = 0; round < 1000; ++round) {
        uint8_t bytes[kWsKeyRandomBytes];
        for (uint8_t& byte : bytes) {
            byte = static_cast<uint8_t>(random());
        }
        char key[kWsKeyChars];
        make_key(bytes, key);
        const std::string text(key, sizeof key);
        EXPECT_TRUE(key_valid(text)) << text;
        EXPECT_TRUE(seen.insert(text).second);
    }
    const std::string nonce = "the sample nonce"; // section 1.3
    char key[kWsKeyChars];
    make_key(reinterpret_cast<const uint8_t*>(nonce.data()), key);
    EXPECT_EQ(std::string_view(key, sizeof key), "dGhlIHNhbXBsZSBub25jZQ==");
}

TEST(WsHandshake, TokenListsAreSplitAtCommasAndTrimmed) {
    const struct {
        std::string_view value;
        std::vector<std::string_view> tokens;
    } cases[] = {
        {"", {}},
        {",", {}},
        {" \t , ,,\t", {}},
        {"one", {"one"}},
        {"  one\t", {"one"}},
        {"one,two", {"one", "two"}},
        {" one ,\ttwo\t, three,", {"one", "two", "three"}},
        {",,one,,two", {"one", "two"}},
        {"in side, b", {"in side", "b"}},
    };
    for (const auto& c : cases) {
        TokenList list(c.value);
        std::vector<std::string_view> got;
        while (const auto token = list.next()) {
            got.push_back(*token);
        }
        EXPECT_EQ(got, c.tokens) << c.value;
        EXPECT_FALSE(list.next()) << "the end is final";
    }
}

TEST(WsHandshake, UpgradeAndConnectionAreSearchedForWholeTokensInAnyCase) {
    const struct {
        std::string_view value;
        bool found;
    } cases[] = {
        {"upgrade", true},
        {"Upgrade", true},
        {"UPGRADE", true},
        {"keep-alive, Upgrade", true},
        {"keep-alive,upgrade ,x", true},
        {"\tupgrade", true},
        {"", false},
        {"keep-alive", false},
        {"upgrades", false},
        {"up grade", false},
        {"upgrade;q=1", false},
        {"xupgrade", false},
        {"upgrad", false},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(token_list_contains(c.value, "upgrade"), c.found) << c.value;
    }
}

TEST(WsHandshake, CaseIsIgnoredForAsciiLettersOnly) {
    EXPECT_TRUE(equals_ignoring_case("WebSocket", "websocket"));
    EXPECT_TRUE(equals_ignoring_case("", ""));
    EXPECT_FALSE(equals_ignoring_case("a", "ab"));
    for (unsigned byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte), other = static_cast<char>(byte ^ 0x20);
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        EXPECT_EQ(equals_ignoring_case({&c, 1}, {&other, 1}), letter) << byte;
    }
}

TEST(WsHandshake, TokenCharactersAreThoseOfRfc7230) {
    const std::string valid = "!#$%&'*+-.^_`|~0123456789"
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (unsigned byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        EXPECT_EQ(token_valid({&c, 1}), valid.find(c) != std::string::npos) << byte;
    }
    EXPECT_TRUE(token_valid(valid));
    EXPECT_FALSE(token_valid(""));
    EXPECT_FALSE(token_valid("a b"));
}

TEST(WsHandshake, Subprotocols) {
    EXPECT_TRUE(subprotocols_valid("mr.v2"));
    EXPECT_TRUE(subprotocols_valid("mr.v2, mr.resume.c2lk-_~.17-4"));
    for (const std::string_view bad : {"", ",", "mr v2", "mr.v2, a/b", "mr.v2;x", "\"mr.v2\""}) {
        EXPECT_FALSE(subprotocols_valid(bad)) << bad;
    }
    EXPECT_TRUE(subprotocols_offer("chat, mr.v2", "mr.v2"));
    EXPECT_TRUE(subprotocols_offer("mr.v2", "mr.v2"));
    EXPECT_FALSE(subprotocols_offer("MR.V2", "mr.v2")) << "names keep their case";
    EXPECT_FALSE(subprotocols_offer("mr.v21, xmr.v2", "mr.v2"));
    EXPECT_FALSE(subprotocols_offer("", "mr.v2"));
}

} // namespace
} // namespace mr

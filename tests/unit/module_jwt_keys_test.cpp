// Keys of access tokens: what is taken for a key, which key a token finds, and what is refused with
// which words.
#include "module_jwt_support.h"
#include "ngx_mr_ws_module/base64url.h"
#include "ngx_mr_ws_module/jwt.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <string>

namespace mr {
namespace {

using namespace test;

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr char kPayload[] = R"({"sub":"alice","exp":1800000060})";

std::string set_of(const std::string& keys) {
    return R"({"keys":[)" + keys + "]}";
}

std::string set_problem(const std::string& set) {
    JwtKeys keys;
    size_t passed_over = 0;
    const char* problem = keys.add_set(set, passed_over);
    EXPECT_EQ(ERR_peek_error(), 0U);
    return problem != nullptr ? problem : "";
}

std::string file_problem(JwtAlgorithm algorithm, const std::string& contents) {
    JwtKeys keys;
    const char* problem = keys.add_file(algorithm, contents);
    EXPECT_EQ(ERR_peek_error(), 0U);
    return problem != nullptr ? problem : "";
}

JwtProblem check(const JwtKeys& keys, const std::string& token) {
    JwtClaims claims;
    return check_jwt(keys, {}, token, 1'800'000'000, claims);
}

std::string with_kid(std::string_view algorithm, std::string_view kid) {
    return R"({"alg":")" + std::string(algorithm) + R"(","kid":")" + std::string(kid) + "\"}";
}

TEST(JwtKeys, ASecretEndsBeforeItsLineEnd) {
    JwtKeys keys;
    ASSERT_EQ(keys.add_file(JwtAlgorithm::hs256, std::string(kSecret) + "\r\n"), nullptr);
    EXPECT_EQ(check(keys, hs256(kSecret, kPayload)), JwtProblem::none);
}

TEST(JwtKeys, FilesThatAreNoKey) {
    const PrivateKey rsa = make_rsa();
    const PrivateKey ec = make_ec();
    const auto hs = JwtAlgorithm::hs256;
    const auto rs = JwtAlgorithm::rs256;
    const auto es = JwtAlgorithm::es256;
    EXPECT_NE(file_problem(hs, ""), "");
    EXPECT_NE(file_problem(hs, std::string(31, 'x')), "");
    EXPECT_EQ(file_problem(hs, std::string(32, 'x')), "");
    for (const PrivateKey& key : {rsa, ec}) {
        EXPECT_NE(file_problem(hs, public_pem(key)).find("not a secret"), std::string::npos);
        EXPECT_NE(file_problem(hs, private_pem(key)).find("not a secret"), std::string::npos);
        EXPECT_NE(file_problem(hs, public_der(key)).find("not a secret"), std::string::npos);
    }
    EXPECT_EQ(file_problem(rs, public_pem(rsa)), "");
    EXPECT_EQ(file_problem(es, public_pem(ec)), "");
    EXPECT_NE(file_problem(rs, public_pem(ec)), "");
    EXPECT_NE(file_problem(es, public_pem(rsa)), "");
    EXPECT_NE(file_problem(rs, private_pem(rsa)).find("private key"), std::string::npos);
    EXPECT_NE(file_problem(rs, std::string(kSecret)), "");
    EXPECT_NE(file_problem(rs, public_pem(rsa).substr(0, 200)), "");
    EXPECT_NE(file_problem(rs, public_pem(make_rsa(1024))), "");
    EXPECT_NE(file_problem(es, public_pem(make_ec("P-384"))), "");
}

TEST(JwtKeys, ATokenFindsItsKeyByItsId) {
    const PrivateKey old_key = make_rsa();
    const PrivateKey new_key = make_rsa();
    const PrivateKey ec = make_ec();
    JwtKeys keys;
    size_t passed_over = 0;
    ASSERT_EQ(keys.add_set(set_of(rsa_jwk(old_key, R"(,"kid":"old","use":"sig")") + "," +
                                  rsa_jwk(new_key, R"(,"kid":"new","alg":"RS256")") + "," +
                                  ec_jwk(ec, R"(,"kid":"ec","key_ops":["verify"])")),
                           passed_over),
              nullptr);
    EXPECT_EQ(keys.size(), 3U);
    EXPECT_EQ(passed_over, 0U);
    EXPECT_EQ(check(keys, rs256(old_key, kPayload, with_kid("RS256", "old"))), JwtProblem::none);
    EXPECT_EQ(check(keys, rs256(new_key, kPayload, with_kid("RS256", "new"))), JwtProblem::none);
    EXPECT_EQ(check(keys, rs256(new_key, kPayload, with_kid("RS256", "old"))),
              JwtProblem::signature);
    EXPECT_EQ(check(keys, rs256(new_key, kPayload, with_kid("RS256", "NEW"))), JwtProblem::key);
    EXPECT_EQ(check(keys, rs256(new_key, kPayload, with_kid("RS256", ""))), JwtProblem::key);
    EXPECT_EQ(check(keys, rs256(new_key, kPayload, with_kid("RS256", "ec"))), JwtProblem::key)
        << "an id counts within its algorithm";
    EXPECT_EQ(check(keys, rs256(new_key, kPayload)), JwtProblem::key) << "two would do";
    EXPECT_EQ(check(keys, es256(ec, kPayload)), JwtProblem::none) << "the only one";
    EXPECT_EQ(check(keys, hs256(kSecret, kPayload)), JwtProblem::algorithm);
}

TEST(JwtKeys, AKeyFileTakesTokensWithAnyId) {
    JwtKeys keys;
    ASSERT_EQ(keys.add_file(JwtAlgorithm::hs256, kSecret), nullptr);
    EXPECT_EQ(check(keys, hs256(kSecret, kPayload, with_kid("HS256", "x"))), JwtProblem::none);
}

TEST(JwtKeys, KeysForOthersArePassedOver) {
    const PrivateKey rsa = make_rsa();
    JwtKeys keys;
    size_t passed_over = 0;
    ASSERT_EQ(keys.add_set(set_of(rsa_jwk(rsa, R"(,"kid":"1","use":"enc")") + "," +
                                  rsa_jwk(rsa, R"(,"kid":"2","alg":"RS512")") + "," +
                                  rsa_jwk(rsa, R"(,"kid":"3","alg":"RSA-OAEP")") + "," +
                                  rsa_jwk(rsa, R"(,"kid":"4","key_ops":["encrypt"])") + "," +
                                  R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"},)"
                                  R"({"kty":"EC","crv":"P-521","x":"AA","y":"AA"},)" +
                                  oct_jwk(kSecret, "")),
                           passed_over),
              nullptr);
    EXPECT_EQ(passed_over, 6U);
    EXPECT_EQ(keys.size(), 1U);
    EXPECT_EQ(check(keys, rs256(rsa, kPayload, with_kid("RS256", "1"))), JwtProblem::algorithm);
    EXPECT_EQ(check(keys, hs256(kSecret, kPayload)), JwtProblem::none);
}

TEST(JwtKeys, SetsThatAreRefusedAsAWhole) {
    const PrivateKey rsa = make_rsa();
    const std::string good = oct_jwk(kSecret, "");
    EXPECT_EQ(set_problem(set_of(good)), "");
    for (const std::string& set :
         {std::string(),
          std::string("{}"),
          std::string("[]"),
          std::string("{\"keys\":{}}"),
          set_of(""),
          set_of(good) + "x",
          set_of("1"),
          set_of("{}"),
          set_of(R"({"kty":1})"),
          set_of(good + "," + good),
          set_of(oct_jwk(kSecret, R"(,"kid":"a")") + "," + oct_jwk(kSecret, R"(,"kid":"a")")),
          set_of(oct_jwk(kSecret, R"(,"kid":1)")),
          set_of(oct_jwk(kSecret, R"(,"use":1)")),
          set_of(oct_jwk(kSecret, R"(,"alg":1)")),
          set_of(oct_jwk("too short", "")),
          set_of(oct_jwk(kSecret, R"(,"kid":")" + std::string(129, 'k') + "\"")),
          set_of(R"({"kty":"oct","kty":"oct","k":"AA"})"),
          set_of(R"({"kty":"oct"})"),
          set_of(R"({"kty":"oct","k":1})"),
          set_of(R"({"kty":"oct","k":""})"),
          set_of(R"({"kty":"oct","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0N=========IWI5a0"})"),
          set_of(R"({"kty":"RSA","n":"AQ=AB","e":"AQAB"})"),
          set_of(R"({"kty":"EC","crv":"P-256","x":"A=A","y":"A==A"})"),
          set_of(R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"),
          set_of(R"({"kty":"RSA","e":"AQAB"})"),
          set_of(R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})"),
          set_of(rsa_jwk(rsa, R"(,"d":"AQAB")")),
          set_of(ec_jwk(make_ec(), R"(,"d":"AQAB")")),
          set_of(rsa_jwk(make_rsa(1024), "")),
          set_of(rsa_jwk(rsa, R"(,"alg":"RS512")"))}) {
        EXPECT_NE(set_problem(set), "") << set;
    }
}

// Members that are no part of the public key are not even looked at.
TEST(JwtKeys, WhatElseAKeyHoldsIsLeftAlone) {
    EXPECT_EQ(set_problem(set_of(rsa_jwk(make_rsa(), R"(,"p":"A=====AAA","x5c":[1])"))), "");
    EXPECT_EQ(set_problem(set_of(oct_jwk(kSecret, R"(,"n":"A=====AAA")"))), "");
}

TEST(JwtKeys, ASetHasABound) {
    std::string keys;
    for (size_t i = 0; i <= kMaxJwtKeys; ++i) {
        EXPECT_EQ(set_problem(set_of(keys)).empty(), i > 0) << i;
        keys += (i > 0 ? "," : "") + oct_jwk(kSecret, R"(,"kid":")" + std::to_string(i) + "\"");
    }
    EXPECT_NE(set_problem(set_of(keys)), "");
}

TEST(Base64Url, OneTextPerValue) {
    for (size_t length = 0; length < 70; ++length) {
        std::string bytes;
        for (size_t i = 0; i < length; ++i) {
            bytes += static_cast<char>(i * 37 + length);
        }
        const std::string text = base64url(bytes);
        ASSERT_TRUE(base64url_valid(text)) << text;
        ASSERT_EQ(base64url_bytes(text.size()), length);
        std::string back(length, '\0');
        base64url_decode(text, reinterpret_cast<uint8_t*>(back.data()));
        EXPECT_EQ(back, bytes);
    }
    for (const char* bad :
         {"A", "AB", "AAB", "AA==", "AA=", "AA A", "A+AA", "A/AA", "AAAAA", "AAA\n", "AA.A",
          "\xc3\xa4"
          "AA"}) {
        EXPECT_FALSE(base64url_valid(bad)) << bad;
    }
}

} // namespace
} // namespace mr

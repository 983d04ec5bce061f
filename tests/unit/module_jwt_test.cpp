// Access tokens: good ones of each algorithm, and every way in which one can be wrong.
#include "module_jwt_support.h"
#include "ngx_mr_ws_module/jwt.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <array>
#include <string>

namespace mr {
namespace {

using namespace test;

constexpr uint64_t kNow = 1'800'000'000;
constexpr uint64_t kLeeway = 30;
constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::array<std::string_view, 2> kAudiences{"chat", "https://chat.example"};
constexpr char kGood[] = R"({"iss":"https://id.example","aud":"chat","sub":"alice",)"
                         R"("exp":1800000060})";

// Made once: RSA keys are slow to find.
struct World {
    PrivateKey rsa = make_rsa();
    PrivateKey other_rsa = make_rsa();
    PrivateKey ec = make_ec();
    PrivateKey other_ec = make_ec();
    JwtKeys keys; // one of each algorithm, by key files

    World() {
        EXPECT_EQ(keys.add_file(JwtAlgorithm::hs256, kSecret), nullptr);
        EXPECT_EQ(keys.add_file(JwtAlgorithm::rs256, public_pem(rsa)), nullptr);
        EXPECT_EQ(keys.add_file(JwtAlgorithm::es256, public_pem(ec)), nullptr);
    }
};

const World& world() {
    static const World made;
    return made;
}

JwtRules rules() {
    return {"https://id.example", kAudiences, kLeeway};
}

JwtProblem check(const std::string& token, uint64_t now = kNow) {
    JwtClaims claims;
    const JwtProblem problem = check_jwt(world().keys, rules(), token, now, claims);
    EXPECT_EQ(ERR_peek_error(), 0U) << "left for nginx to find";
    return problem;
}

JwtProblem check_payload(std::string_view payload, uint64_t now = kNow) {
    return check(hs256(kSecret, payload), now);
}

TEST(Jwt, AGoodTokenOfEachAlgorithm) {
    for (const std::string& token :
         {hs256(kSecret, kGood), rs256(world().rsa, kGood), es256(world().ec, kGood)}) {
        JwtClaims claims;
        EXPECT_EQ(check_jwt(world().keys, rules(), token, kNow, claims), JwtProblem::none);
        EXPECT_EQ(claims.subject_view(), "alice");
        EXPECT_EQ(claims.expires_at_s, kNow + 60 + kLeeway);
    }
}

// RFC 7515 appendix A.1: a published token with its key, signed by somebody else's code.
TEST(Jwt, TheExampleOfTheRfc) {
    const std::string token =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        "cnVlfQ."
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const std::string set =
        R"({"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75)"
        R"(aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}]})";
    JwtKeys keys;
    size_t passed_over = 0;
    ASSERT_EQ(keys.add_set(set, passed_over), nullptr);
    JwtClaims claims;
    EXPECT_EQ(check_jwt(keys, {"joe", {}, 0}, token, 1300819379, claims), JwtProblem::subject);
    EXPECT_EQ(check_jwt(keys, {"joe", {}, 0}, token, 1300819380, claims), JwtProblem::expired);
    std::string changed = token;
    changed.back() = 'o';
    EXPECT_NE(check_jwt(keys, {"joe", {}, 0}, changed, 1, claims), JwtProblem::subject);
}

struct PayloadCase {
    const char* payload;
    JwtProblem expected;
};

TEST(Jwt, Claims) {
    constexpr auto kNone = JwtProblem::none;
    const PayloadCase cases[] = {
        // Times.
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1800000000})", kNone},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1800000000.5})", kNone},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1.8e9})", kNone},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1799999971})", kNone},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1799999970})",
         JwtProblem::expired},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":0})", JwtProblem::expired},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a"})", JwtProblem::no_expiry},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":"1800000060"})",
         JwtProblem::payload},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":-1})", JwtProblem::payload},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1e300})", JwtProblem::payload},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":9223372036854775807})",
         JwtProblem::payload},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":99999999999999999999})",
         JwtProblem::payload},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":null})", JwtProblem::payload},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1800000060,"nbf":1800000030})",
         kNone},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1800000060,"nbf":1800000031})",
         JwtProblem::not_yet},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1800000060,"nbf":"soon"})",
         JwtProblem::payload},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1800000060,"iat":1799999000})",
         kNone},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1800000060,"iat":[]})",
         JwtProblem::payload},
        // Issuer.
        {R"({"aud":"chat","sub":"a","exp":1800000060})", JwtProblem::issuer},
        {R"({"iss":"https://id.example/","aud":"chat","sub":"a","exp":1800000060})",
         JwtProblem::issuer},
        {R"({"iss":["https://id.example"],"aud":"chat","sub":"a","exp":1800000060})",
         JwtProblem::issuer},
        // Audience.
        {R"({"iss":"https://id.example","aud":["x","https://chat.example"],"sub":"a",)"
         R"("exp":1800000060})",
         kNone},
        {R"({"iss":"https://id.example","sub":"a","exp":1800000060})", JwtProblem::audience},
        {R"({"iss":"https://id.example","aud":"Chat","sub":"a","exp":1800000060})",
         JwtProblem::audience},
        {R"({"iss":"https://id.example","aud":[],"sub":"a","exp":1800000060})",
         JwtProblem::audience},
        {R"({"iss":"https://id.example","aud":["chat",1],"sub":"a","exp":1800000060})",
         JwtProblem::audience},
        {R"({"iss":"https://id.example","aud":{"chat":1},"sub":"a","exp":1800000060})",
         JwtProblem::audience},
        // Subject.
        {R"({"iss":"https://id.example","aud":"chat","exp":1800000060})", JwtProblem::subject},
        {R"({"iss":"https://id.example","aud":"chat","sub":"","exp":1800000060})",
         JwtProblem::subject},
        {R"({"iss":"https://id.example","aud":"chat","sub":7,"exp":1800000060})",
         JwtProblem::subject},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a\nb","exp":1800000060})",
         JwtProblem::subject},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a\u007f","exp":1800000060})",
         JwtProblem::subject},
        // JSON. Duplicates are refused as a whole: two readers might see two tokens.
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","sub":"b","exp":1800000060})",
         JwtProblem::payload},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1,"exp":1800000060})",
         JwtProblem::payload},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","x":{"y":1,"y":2},)"
         R"("exp":1800000060})",
         JwtProblem::payload},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a\u0000","exp":1800000060})",
         JwtProblem::payload},
        {"{\"iss\":\"https://id.example\",\"aud\":\"chat\",\"sub\":\"\xff\",\"exp\":1800000060}",
         JwtProblem::payload},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1800000060} x)",
         JwtProblem::payload},
        {R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1800000060)",
         JwtProblem::payload},
        {R"(["alice"])", JwtProblem::payload},
        {R"("alice")", JwtProblem::payload},
        {"not json", JwtProblem::payload},
    };
    for (const PayloadCase& one : cases) {
        EXPECT_EQ(check_payload(one.payload), one.expected) << one.payload;
    }
}

TEST(Jwt, SubjectsHaveABound) {
    const auto payload = [](size_t length) {
        return R"({"iss":"https://id.example","aud":"chat","exp":1800000060,"sub":")" +
               std::string(length, 's') + "\"}";
    };
    EXPECT_EQ(check_payload(payload(kMaxSubjectBytes)), JwtProblem::none);
    EXPECT_EQ(check_payload(payload(kMaxSubjectBytes + 1)), JwtProblem::subject);
    EXPECT_TRUE(subject_valid("CN=J\xc3\xbcrgen,O=Example"));
    EXPECT_FALSE(subject_valid("J\xfcrgen"));
}

TEST(Jwt, WithoutRulesAnAudienceIsStillRefused) {
    JwtClaims claims;
    const std::string plain = hs256(kSecret, R"({"sub":"a","exp":1800000060})");
    const std::string addressed = hs256(kSecret, R"({"sub":"a","aud":"x","exp":1800000060})");
    EXPECT_EQ(check_jwt(world().keys, {}, plain, kNow, claims), JwtProblem::none);
    EXPECT_EQ(check_jwt(world().keys, {}, addressed, kNow, claims), JwtProblem::audience);
}

struct HeaderCase {
    const char* header;
    JwtProblem expected;
};

TEST(Jwt, Headers) {
    const HeaderCase cases[] = {
        {R"({"alg":"HS256"})", JwtProblem::none},
        {R"({"alg":"HS256","typ":"jwt"})", JwtProblem::none},
        {R"({"alg":"HS256","typ":"at+JWT","kid":"whatever","jku":"https://evil.example"})",
         JwtProblem::none},
        {R"({"alg":"HS256","typ":"logout+jwt"})", JwtProblem::header},
        {R"({"alg":"HS256","typ":1})", JwtProblem::header},
        {R"({"alg":"HS256","kid":1})", JwtProblem::header},
        {R"({"alg":"HS256","crit":["exp"]})", JwtProblem::header},
        {R"({"alg":"HS256","b64":false,"crit":["b64"]})", JwtProblem::header},
        {R"({"alg":"HS256","alg":"HS256"})", JwtProblem::header},
        {R"({"alg":["HS256"]})", JwtProblem::header},
        {R"({"typ":"JWT"})", JwtProblem::header},
        {R"(["HS256"])", JwtProblem::header},
        {R"({"alg":"HS256")", JwtProblem::header},
        {R"({"alg":"none"})", JwtProblem::algorithm},
        {R"({"alg":"None"})", JwtProblem::algorithm},
        {R"({"alg":""})", JwtProblem::algorithm},
        {R"({"alg":"hs256"})", JwtProblem::algorithm},
        {R"({"alg":"HS512"})", JwtProblem::algorithm},
        {R"({"alg":"PS256"})", JwtProblem::algorithm},
    };
    for (const HeaderCase& one : cases) {
        EXPECT_EQ(check(hs256(kSecret, kGood, one.header)), one.expected) << one.header;
    }
}

TEST(Jwt, NoneIsRefusedWithAndWithoutASignature) {
    const std::string input = signing_input(R"({"alg":"none"})", kGood);
    EXPECT_EQ(check(input + "."), JwtProblem::malformed);
    EXPECT_EQ(check(input + ".AA"), JwtProblem::algorithm);
    EXPECT_EQ(check(input), JwtProblem::malformed);
}

// The classic: a public key, which everybody has, taken for an HMAC secret.
TEST(Jwt, AlgorithmsAreBoundToTheirKeys) {
    JwtKeys rsa_only;
    ASSERT_EQ(rsa_only.add_file(JwtAlgorithm::rs256, public_pem(world().rsa)), nullptr);
    JwtClaims claims;
    for (const std::string& secret : {public_pem(world().rsa), public_der(world().rsa)}) {
        const std::string forged = hs256(secret, kGood);
        EXPECT_EQ(check_jwt(rsa_only, rules(), forged, kNow, claims), JwtProblem::algorithm);
        EXPECT_EQ(check(forged), JwtProblem::signature);
    }
    const std::string rsa_as_ec = rs256(world().rsa, kGood, R"({"alg":"ES256"})");
    EXPECT_EQ(check_jwt(rsa_only, rules(), rsa_as_ec, kNow, claims), JwtProblem::algorithm);
    EXPECT_EQ(check(rsa_as_ec), JwtProblem::signature);
    EXPECT_EQ(check(es256(world().ec, kGood, R"({"alg":"RS256"})")), JwtProblem::signature);
    EXPECT_EQ(check(rs256(world().rsa, kGood, R"({"alg":"HS256"})")), JwtProblem::signature);
}

TEST(Jwt, ForeignKeysAreRefused) {
    EXPECT_EQ(check(hs256("another secret, also long enough", kGood)), JwtProblem::signature);
    EXPECT_EQ(check(rs256(world().other_rsa, kGood)), JwtProblem::signature);
    EXPECT_EQ(check(es256(world().other_ec, kGood)), JwtProblem::signature);
}

TEST(Jwt, EveryChangedCharacterIsRefused) {
    for (const std::string& good : {hs256(kSecret, kGood), es256(world().ec, kGood)}) {
        for (size_t i = 0; i < good.size(); ++i) {
            for (const char c : {'A', 'z', '.', '=', '+', ' ', '\n'}) {
                std::string bad = good;
                if (bad[i] != c) {
                    bad[i] = c;
                    EXPECT_NE(check(bad), JwtProblem::none) << bad;
                }
            }
        }
    }
}

TEST(Jwt, EveryTruncatedTokenIsRefused) {
    const std::string good = rs256(world().rsa, kGood);
    for (size_t length = 0; length < good.size(); ++length) {
        EXPECT_NE(check(good.substr(0, length)), JwtProblem::none) << length;
    }
    for (const char* more : {".", "A", "=", "==", ".AAAA", " ", "\n"}) {
        EXPECT_NE(check(good + more), JwtProblem::none) << more;
    }
    EXPECT_NE(check(" " + good), JwtProblem::none);
    EXPECT_EQ(check(".."), JwtProblem::malformed);
    EXPECT_EQ(check(""), JwtProblem::malformed);
}

// A signature has one spelling, so that a token has one as well.
TEST(Jwt, SignaturesAreCanonical) {
    std::string token = hs256(kSecret, kGood);
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const size_t last = kAlphabet.find(token.back());
    token.back() = kAlphabet[last ^ 1]; // a bit behind the last byte
    EXPECT_EQ(check(token), JwtProblem::malformed);
    const std::string input = signing_input(R"({"alg":"ES256"})", kGood);
    for (const size_t length : {0, 1, 32, 63, 65, 72}) {
        EXPECT_NE(check(input + "." + base64url(std::string(length, '\1'))), JwtProblem::none);
    }
    EXPECT_EQ(check(input + "." + base64url(std::string(64, '\0'))), JwtProblem::signature);
}

TEST(Jwt, SizesHaveBounds) {
    const auto padded = [](size_t more) {
        return R"({"iss":"https://id.example","aud":"chat","sub":"a","exp":1800000060,"x":")" +
               std::string(more, 'x') + "\"}";
    };
    std::string longest = hs256(kSecret, padded(5900));
    EXPECT_LE(longest.size(), kMaxJwtChars);
    EXPECT_EQ(check(longest), JwtProblem::none);
    EXPECT_EQ(check(hs256(kSecret, padded(6200))), JwtProblem::too_long);
    EXPECT_EQ(check(std::string(1'000'000, 'a')), JwtProblem::too_long);
    const std::string header =
        R"({"alg":"HS256","x":")" + std::string(kMaxJwtHeaderChars, 'x') + "\"}";
    EXPECT_EQ(check(hs256(kSecret, kGood, header)), JwtProblem::malformed);
    const std::string deep =
        "{\"alg\":\"HS256\",\"x\":" + std::string(700, '[') + std::string(700, ']') + "}";
    EXPECT_EQ(check(hs256(kSecret, kGood, deep)), JwtProblem::none);
    EXPECT_EQ(check_payload(std::string(6000, '[')), JwtProblem::payload);
}

TEST(Jwt, EveryProblemHasAText) {
    for (int i = 0; i <= static_cast<int>(JwtProblem::subject); ++i) {
        EXPECT_FALSE(jwt_problem_text(static_cast<JwtProblem>(i)).empty());
    }
}

} // namespace
} // namespace mr

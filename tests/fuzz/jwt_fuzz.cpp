// Any bytes as an access token, as header and payload of one that is signed correctly, and as a key
// set. What is accepted has a valid subject and time; nothing is left in OpenSSL's error queue,
// where nginx would find it; a token with one more or one less byte is not accepted as well.
#include "ngx_mr_ws_module/base64url.h"
#include "ngx_mr_ws_module/jwt.h"
#include "tests/unit/module_jwt_support.h"

#include <openssl/err.h>

#include <array>
#include <cstdlib>
#include <string>

namespace {

constexpr uint64_t kNow = 1'800'000'000;
constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::array<std::string_view, 1> kAudiences{"chat"};

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

const mr::JwtKeys& keys() {
    static mr::JwtKeys* const made = [] {
        auto* fresh = new mr::JwtKeys;
        require(fresh->add_file(mr::JwtAlgorithm::hs256, kSecret) == nullptr);
        return fresh;
    }();
    return *made;
}

std::string encoded(std::string_view bytes) {
    const std::string text = mr::test::base64url(bytes);
    require(mr::base64url_valid(text));
    return text;
}

std::string with_signature(const std::string& input) {
    return input + "." + encoded(mr::test::sign_hs256(kSecret, input));
}

bool accepted(std::string_view token) {
    mr::JwtClaims claims;
    const mr::JwtRules rules{{}, kAudiences, 30};
    const auto problem = mr::check_jwt(keys(), rules, token, kNow, claims);
    require(ERR_peek_error() == 0);
    require(!mr::jwt_problem_text(problem).empty());
    if (problem != mr::JwtProblem::none) {
        return false;
    }
    require(mr::subject_valid(claims.subject_view()) && claims.expires_at_s > kNow);
    return true;
}

// Accepted as it is, and not with a byte more or less.
void check(const std::string& token) {
    if (accepted(token)) {
        require(!accepted(token + "A"));
        require(!accepted(std::string_view(token).substr(0, token.size() - 1)));
        require(!accepted(std::string_view(token).substr(1)));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        check(std::string(text));
        break;
    case 1: // a payload
        check(with_signature(encoded(R"({"alg":"HS256"})") + "." + encoded(text)));
        break;
    case 2: { // a header and a payload, parted by a line end
        const size_t end = text.find('\n');
        const size_t rest = end == std::string_view::npos ? text.size() : end + 1;
        check(with_signature(encoded(text.substr(0, end)) + "." + encoded(text.substr(rest))));
        break;
    }
    default: {
        mr::JwtKeys set;
        size_t passed_over = 0;
        const char* problem = set.add_set(text, passed_over);
        require((problem == nullptr) <= (set.size() > 0) && set.size() <= mr::kMaxJwtKeys);
        require(ERR_peek_error() == 0);
        break;
    }
    }
    return 0;
}

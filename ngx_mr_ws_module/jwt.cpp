#include "ngx_mr_ws_module/jwt.h"

#include "ngx_mr_ws_module/base64url.h"
#include "ngx_mr_ws_module/json.h"
#include "shared/bytes.h"
#include "shared/openssl_errors.h"
#include "shared/utf8.h"
#include "shared/ws_handshake.h"

#include <cjose/cjose.h>

#include <cstring>

namespace mr {
namespace {

constexpr size_t kHmacSignatureChars = 43;     // 32 bytes
constexpr size_t kEcSignatureChars = 86;       // 64 bytes
constexpr uint64_t kLatestTime = 253402300799; // the end of the year 9999

struct Parts {
    std::string_view header;
    std::string_view payload;
    std::string_view signature;
};

// Header, payload and signature, each the one base64url text of something.
bool split(std::string_view token, Parts& out) {
    const size_t first = token.find('.');
    const size_t second =
        first != std::string_view::npos ? token.find('.', first + 1) : std::string_view::npos;
    if (second == std::string_view::npos) {
        return false;
    }
    out.header = slice(token, 0, first);
    out.payload = slice(token, first + 1, second - first - 1);
    out.signature = slice(token, second + 1);
    for (const std::string_view part : {out.header, out.payload, out.signature}) {
        if (part.empty() || !base64url_valid(part)) {
            return false;
        }
    }
    return out.header.size() <= kMaxJwtHeaderChars;
}

struct Header {
    JwtAlgorithm algorithm = JwtAlgorithm::hs256;
    bool has_id = false;
    std::string_view id; // into the parsed JSON
};

// Other kinds of token than access tokens say so (RFC 8725 section 3.11).
bool type_fits(std::string_view type) {
    return equals_ignoring_case(type, "JWT") || equals_ignoring_case(type, "at+jwt") ||
           equals_ignoring_case(type, "application/at+jwt");
}

JwtProblem read_header(const json_t* json, Header& out) {
    std::string_view type;
    std::string_view name;
    const JsonField typed = json_text(json, "typ", type);
    const JsonField id = json_text(json, "kid", out.id);
    // `crit` names extensions that have to be understood (RFC 7515 section 4.1.11); none is here.
    if (!json_is_object(json) || typed == JsonField::wrong_type || id == JsonField::wrong_type ||
        (typed == JsonField::present && !type_fits(type)) ||
        json_object_get(json, "crit") != nullptr ||
        json_text(json, "alg", name) != JsonField::present) {
        return JwtProblem::header;
    }
    out.has_id = id == JsonField::present;
    return parse_jwt_algorithm(name, out.algorithm) ? JwtProblem::none : JwtProblem::algorithm;
}

JwtProblem find_key(const JwtKeys& keys, std::string_view encoded, const JwtKey*& out) {
    uint8_t bytes[base64url_bytes(kMaxJwtHeaderChars)];
    base64url_decode(encoded, bytes);
    json_t* json = json_loadb(reinterpret_cast<const char*>(bytes), base64url_bytes(encoded.size()),
                              JSON_REJECT_DUPLICATES, nullptr);
    Header header;
    JwtProblem problem = read_header(json, header);
    if (problem == JwtProblem::none && !keys.has(header.algorithm)) {
        problem = JwtProblem::algorithm;
    }
    if (problem == JwtProblem::none) {
        out = keys.find(header.algorithm, header.has_id, header.id);
        problem = out != nullptr ? JwtProblem::none : JwtProblem::key;
    }
    json_decref(json);
    return problem;
}

// Before cjose sees it: what it compares is then of equal length.
bool signature_length_fits(JwtAlgorithm algorithm, size_t chars) {
    switch (algorithm) {
    case JwtAlgorithm::hs256:
        return chars == kHmacSignatureChars;
    case JwtAlgorithm::es256:
        return chars == kEcSignatureChars;
    case JwtAlgorithm::rs256:
        return true; // OpenSSL compares it with the modulus
    }
    return false;
}

// NumericDate (RFC 7519 section 2): seconds, possibly with a fraction.
bool read_time(const json_t* value, uint64_t& out) {
    if (json_is_integer(value)) {
        const json_int_t seconds = json_integer_value(value);
        out = static_cast<uint64_t>(seconds);
        return seconds >= 0 && out <= kLatestTime;
    }
    const double seconds = json_is_real(value) ? json_real_value(value) : -1.0;
    if (!(seconds >= 0.0 && seconds <= static_cast<double>(kLatestTime))) {
        return false;
    }
    out = static_cast<uint64_t>(seconds);
    return true;
}

JwtProblem check_times(const json_t* claims, const JwtRules& rules, uint64_t now_s,
                       JwtClaims& out) {
    const json_t* expiry = json_object_get(claims, "exp");
    const json_t* not_before = json_object_get(claims, "nbf");
    const json_t* issued = json_object_get(claims, "iat");
    if (expiry == nullptr) {
        return JwtProblem::no_expiry;
    }
    uint64_t seconds = 0;
    if (!read_time(expiry, out.expires_at_s) ||
        (issued != nullptr && !read_time(issued, seconds)) ||
        (not_before != nullptr && !read_time(not_before, seconds))) {
        return JwtProblem::payload;
    }
    out.expires_at_s += rules.leeway_s;
    if (now_s >= out.expires_at_s) {
        return JwtProblem::expired;
    }
    return not_before != nullptr && seconds > now_s + rules.leeway_s ? JwtProblem::not_yet
                                                                     : JwtProblem::none;
}

// RFC 7519 section 4.1.3: whoever is not named refuses, and without a name here nobody is.
bool audience_fits(const json_t* audience, const JwtRules& rules) {
    if (audience == nullptr) {
        return rules.audiences.empty();
    }
    for (const std::string_view own : rules.audiences) {
        if ((json_is_string(audience) && json_view(audience) == own) ||
            (json_is_array(audience) && json_names(audience, own))) {
            return true;
        }
    }
    return false;
}

JwtProblem check_claims(const json_t* claims, const JwtRules& rules, uint64_t now_s,
                        JwtClaims& out) {
    if (!json_is_object(claims)) {
        return JwtProblem::payload;
    }
    if (const JwtProblem problem = check_times(claims, rules, now_s, out);
        problem != JwtProblem::none) {
        return problem;
    }
    std::string_view issuer;
    const JsonField issued = json_text(claims, "iss", issuer);
    if (issued == JsonField::wrong_type ||
        (!rules.issuer.empty() && (issued == JsonField::absent || issuer != rules.issuer))) {
        return JwtProblem::issuer;
    }
    if (!audience_fits(json_object_get(claims, "aud"), rules)) {
        return JwtProblem::audience;
    }
    std::string_view subject;
    if (json_text(claims, "sub", subject) != JsonField::present || !subject_valid(subject)) {
        return JwtProblem::subject;
    }
    std::memcpy(out.subject, subject.data(), subject.size());
    out.subject_length = static_cast<uint16_t>(subject.size());
    return JwtProblem::none;
}

JwtProblem read_payload(const cjose_jws_t* jws, const JwtRules& rules, uint64_t now_s,
                        JwtClaims& out) {
    cjose_err error{};
    uint8_t* text = nullptr;
    size_t length = 0;
    if (!cjose_jws_get_plaintext(jws, &text, &length, &error)) {
        return JwtProblem::payload;
    }
    json_t* claims =
        json_loadb(reinterpret_cast<const char*>(text), length, JSON_REJECT_DUPLICATES, nullptr);
    const JwtProblem problem = check_claims(claims, rules, now_s, out);
    json_decref(claims);
    return problem;
}

} // namespace

std::string_view jwt_problem_text(JwtProblem problem) noexcept {
    switch (problem) {
    case JwtProblem::none:
        return "it is good";
    case JwtProblem::too_long:
        return "it is longer than 8192 characters";
    case JwtProblem::malformed:
        return "it is not three parts in base64url";
    case JwtProblem::header:
        return "its header is no JSON object that describes an access token";
    case JwtProblem::algorithm:
        return "there is no key for its algorithm";
    case JwtProblem::key:
        return "there is no key of its \"kid\", or several would do";
    case JwtProblem::signature:
        return "its signature is wrong";
    case JwtProblem::payload:
        return "its payload is no JSON object with valid times";
    case JwtProblem::no_expiry:
        return "it has no \"exp\"";
    case JwtProblem::expired:
        return "it has expired";
    case JwtProblem::not_yet:
        return "it is not valid yet";
    case JwtProblem::issuer:
        return "its \"iss\" is not mr_ws_jwt_issuer";
    case JwtProblem::audience:
        return "its \"aud\" does not fit mr_ws_jwt_audience";
    case JwtProblem::subject:
        return "its \"sub\" is missing or no name of 1 to 255 bytes";
    }
    return "it is not accepted";
}

bool subject_valid(std::string_view subject) noexcept {
    for (const char c : subject) {
        if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) {
            return false;
        }
    }
    return !subject.empty() && subject.size() <= kMaxSubjectBytes && utf8_valid(as_bytes(subject));
}

JwtProblem check_jwt(const JwtKeys& keys, const JwtRules& rules, std::string_view token,
                     uint64_t now_s, JwtClaims& out) noexcept {
    if (token.size() > kMaxJwtChars) {
        return JwtProblem::too_long;
    }
    Parts parts;
    if (!split(token, parts)) {
        return JwtProblem::malformed;
    }
    const JwtKey* key = nullptr;
    if (const JwtProblem problem = find_key(keys, parts.header, key); problem != JwtProblem::none) {
        return problem;
    }
    if (!signature_length_fits(key->algorithm, parts.signature.size())) {
        return JwtProblem::signature;
    }
    const OpensslErrorsGone tidy;
    cjose_err error{};
    cjose_jws_t* jws = cjose_jws_import(token.data(), token.size(), &error);
    if (jws == nullptr) {
        return JwtProblem::malformed;
    }
    const JwtProblem problem = cjose_jws_verify(jws, key->key, &error)
                                   ? read_payload(jws, rules, now_s, out)
                                   : JwtProblem::signature;
    cjose_jws_release(jws);
    return problem;
}

} // namespace mr

#include "ngx_mr_ws_module/access.h"

#include "ngx_mr_ws_module/jwt.h"
#include "shared/bytes.h"

namespace mr {
namespace {

// RFC 6750 section 3.1: no error where no token was offered. What was wrong with one stays here.
constexpr std::string_view kChallenge = R"(Bearer realm="mr_ws")";
constexpr std::string_view kInvalidToken = R"(Bearer realm="mr_ws", error="invalid_token")";

struct Offer {
    std::string_view token;
    const char* source = nullptr; // null: no token was offered
    bool ambiguous = false;       // two in one place: which one is meant?
};

Refusal challenge(std::string_view value) {
    return {
        NGX_HTTP_UNAUTHORIZED, "A valid access token is needed.", {}, "WWW-Authenticate", value};
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) {
        text.remove_prefix(1);
    }
    return text;
}

// One Cookie line (RFC 6265 section 4.2.1): `name=value; name=value`.
void take_cookies(std::string_view line, std::string_view name, Offer& offer) {
    while (!line.empty()) {
        const size_t end = line.find(';');
        const std::string_view pair = trimmed(slice(line, 0, end));
        line = end == std::string_view::npos ? std::string_view{} : slice(line, end + 1);
        if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
            offer.ambiguous = offer.source != nullptr;
            offer.source = "the cookie";
            offer.token = slice(pair, name.size() + 1);
        }
    }
}

Offer find_cookie(const ngx_http_request_t* r, std::string_view name) {
    Offer offer;
    for (const ngx_list_part_t* part = &r->headers_in.headers.part; part != nullptr;
         part = part->next) {
        const auto* lines = static_cast<const ngx_table_elt_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            const ngx_str_t key = {lines[i].key.len, lines[i].lowcase_key};
            if (to_view(key) == "cookie") {
                take_cookies(to_view(lines[i].value), name, offer);
            }
        }
    }
    return offer;
}

// What a program sends on purpose goes before what a browser sends by itself.
Offer find_token(const ngx_http_request_t* r, const HandshakeHeaders& headers,
                 const AccessConf& access) {
    if (headers.bearers != 0) {
        return {headers.bearer, "Authorization", headers.bearers > 1};
    }
    if (headers.token_protocols != 0) {
        return {headers.token_protocol, "Sec-WebSocket-Protocol", headers.token_protocols > 1};
    }
    return access.cookie.len != 0 ? find_cookie(r, to_view(access.cookie)) : Offer{};
}

Refusal unavailable() {
    return {NGX_HTTP_SERVICE_UNAVAILABLE, "This server is short of memory.", {}, {}, {}};
}

Refusal judge_token(const ngx_http_request_t* r, const Offer& offer, const AccessConf& access,
                    Identity*& identity) {
    JwtClaims claims;
    std::string_view why = "there are two";
    if (!offer.ambiguous) {
        const JwtProblem problem = check_jwt(*access.keys, access.rules(), offer.token,
                                             static_cast<uint64_t>(ngx_time()), claims);
        if (problem == JwtProblem::none) {
            identity = identity_create(claims.subject_view(), claims.expires_at_s);
            return identity != nullptr ? Refusal{} : unavailable();
        }
        why = jwt_problem_text(problem);
    }
    const ngx_str_t reason = to_ngx(why);
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0, "mr_ws: access token in %s not accepted: %V",
                  offer.source, &reason);
    return challenge(kInvalidToken);
}

// `mr_ws_subject`. Empty: nobody is named.
Refusal take_subject(ngx_http_request_t* r, const AccessConf& access, Identity*& identity) {
    ngx_str_t value = ngx_null_string;
    if (ngx_http_complex_value(r, access.subject, &value) != NGX_OK) {
        return unavailable();
    }
    if (value.len == 0) {
        return {};
    }
    if (!subject_valid(to_view(value))) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "mr_ws: the value of mr_ws_subject (%uz bytes) is no name of 1 to %uz bytes "
                      "of UTF-8 without control characters",
                      value.len, kMaxSubjectBytes);
        return {NGX_HTTP_FORBIDDEN, "You have no name that is valid here.", {}, {}, {}};
    }
    identity = identity_create(to_view(value), 0);
    return identity != nullptr ? Refusal{} : unavailable();
}

} // namespace

Refusal judge_access(ngx_http_request_t* r, const HandshakeHeaders& headers,
                     const LocationConf& conf, Identity*& identity) noexcept {
    const AccessConf& access = conf.access;
    identity = nullptr;
    if (access.keys != nullptr) {
        const Offer offer = find_token(r, headers, access);
        if (offer.source != nullptr) {
            return judge_token(r, offer, access, identity);
        }
        if (access.required != 0) {
            return challenge(kChallenge);
        }
    }
    return access.subject != nullptr ? take_subject(r, access, identity) : Refusal{};
}

} // namespace mr

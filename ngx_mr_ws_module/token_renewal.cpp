#include "ngx_mr_ws_module/token_renewal.h"

#include "ngx_mr_ws_module/gateway_events.h"
#include "ngx_mr_ws_module/json.h"
#include "ngx_mr_ws_module/jwt.h"

namespace mr {
namespace {

constexpr std::string_view kType = "auth";
constexpr std::string_view kQuotedType = "\"auth\"";

// Most messages end here: a search through the text, no parsing.
bool might_be_token(const Connection& connection, std::string_view text) {
    return connection.conf->access.keys != nullptr && connection.app != AppKind::echo &&
           text.size() <= kMaxJwtChars + kMaxAuthFrameBytes &&
           text.find(kQuotedType) != std::string_view::npos;
}

// The reason why it is not accepted, for the log; null: it is, and holds from now on.
const char* renew(Connection& connection, const json_t* message) {
    std::string_view token;
    if (json_text(message, "token", token) != JsonField::present) {
        return "there is no text \"token\" in the message";
    }
    if (connection.identity == nullptr || connection.identity->expires_at_s == 0) {
        return "the connection was opened without one";
    }
    const AccessConf& access = connection.conf->access;
    JwtClaims claims;
    const JwtProblem problem =
        check_jwt(*access.keys, access.rules(), token, static_cast<uint64_t>(ngx_time()), claims);
    if (problem != JwtProblem::none) {
        return jwt_problem_text(problem).data(); // a literal
    }
    if (claims.subject_view() != connection.subject()) {
        return "it is of another subject";
    }
    connection.identity->expires_at_s = claims.expires_at_s;
    return nullptr;
}

void refuse(Connection& connection, const char* reason) {
    ngx_log_error(NGX_LOG_INFO, connection.log(), 0, "mr_ws: new access token not accepted: %s",
                  reason);
    gateway_error(connection, ErrorCode::bad_token, 0, false);
    if (++connection.refused_tokens >= kMaxRefusedTokens) {
        connection_close(connection, CloseCode::policy_violation, "too many bad tokens");
    }
}

} // namespace

bool token_take(Connection& connection, ByteView text) noexcept {
    if (!might_be_token(connection, as_text(text))) {
        return false;
    }
    json_t* message = json_loadb(reinterpret_cast<const char*>(text.data()), text.size(),
                                 JSON_REJECT_DUPLICATES, nullptr);
    std::string_view type;
    const bool ours = json_text(message, "type", type) == JsonField::present && type == kType;
    if (ours) {
        if (const char* reason = renew(connection, message)) {
            refuse(connection, reason);
        } else {
            gateway_authenticated(connection);
        }
    }
    json_decref(message);
    return ours;
}

void token_check(Connection& connection) noexcept {
    if (connection.identity != nullptr &&
        connection.identity->expired(static_cast<uint64_t>(ngx_time()))) {
        connection_close(connection, CloseCode::policy_violation, "access token expired");
    }
}

} // namespace mr

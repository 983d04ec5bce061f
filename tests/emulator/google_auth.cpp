// Google's token endpoint and the metadata server of its machines; section 4.
#include "tests/emulator/google.h"
#include "tests/emulator/tickets.h"

#include <map>

namespace mr::emulator {
namespace {

using nlohmann::json;

constexpr std::int64_t kLifetimeS = 3599;
constexpr std::int64_t kMaxAssertionS = 3600;
constexpr std::int64_t kClockSkewS = 60;
constexpr std::string_view kGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
constexpr std::string_view kAudience = "https://oauth2.googleapis.com/token";
constexpr std::string_view kMetadata = "/computeMetadata/v1/";

class GoogleAuth final : public Provider {
  public:
    explicit GoogleAuth(const Account& account) : account_(account) {}

    std::optional<Answer> refuse(Call& call) override {
        return call.provider == "metadata" ? refuse_metadata(call) : refuse_token(call);
    }

    Answer answer(Call& call, const Behaviour& how) override {
        if (call.record.endpoint == "project-id") {
            Answer answer;
            answer.content_type = "application/text";
            answer.body = kProject;
            answer.headers = {{"Metadata-Flavor", "Google"}};
            return answer;
        }
        // The script may shorten the life, or say it as a string.
        const json life = field_of(how.answer, "expires_in", kLifetimeS);
        const std::int64_t seconds =
            life.is_string() ? std::stoll(life.get<std::string>()) : life.get<std::int64_t>();
        json body = {{"access_token", call.tickets.issue("google", seconds)},
                     {"expires_in", life},
                     {"token_type", "Bearer"}};
        if (how.answer.is_object()) {
            body.update(how.answer);
        }
        Headers headers;
        if (call.provider == "metadata") {
            headers.emplace_back("Metadata-Flavor", "Google");
        }
        return json_answer(200, body, headers);
    }

    Answer fail(const Call& call, int status, const json& error) override {
        json body = {
            {"error", field_of(error, "error", status < 500 ? "invalid_grant" : "server_error")},
            {"error_description", field_of(error, "error_description", "As told.")}};
        Headers headers;
        if (call.provider == "metadata") {
            headers.emplace_back("Metadata-Flavor", "Google");
        }
        return json_answer(status, body, headers);
    }

  private:
    Answer refusal(Call& call, int status, const char* error, const std::string& text) {
        call.record.problem = text;
        return fail(call, status, {{"error", error}, {"error_description", text}});
    }

    std::optional<Answer> refuse_metadata(Call& call) {
        const std::string account =
            std::string(kMetadata) + "instance/service-accounts/default/token";
        call.record.endpoint = call.path == account ? "token"
                               : call.path == std::string(kMetadata) + "project/project-id"
                                   ? "project-id"
                                   : "";
        if (call.record.endpoint.empty() || call.request.method != "GET") {
            return refusal(call, 404, "not_found", "There is nothing at this path.");
        }
        const std::string* flavor = call.request.header("metadata-flavor");
        if (!flavor || *flavor != "Google") {
            return refusal(call, 403, "forbidden", "Metadata-Flavor: Google is missing.");
        }
        return std::nullopt;
    }

    std::optional<Answer> refuse_token(Call& call) {
        call.record.endpoint = "token";
        if (call.path != "/token" || call.request.method != "POST") {
            return refusal(call, 404, "not_found", "There is nothing at this path.");
        }
        const std::string* type = call.request.header("content-type");
        if (!type || !type->starts_with("application/x-www-form-urlencoded")) {
            return refusal(call, 400, "invalid_request", "The body is not a form.");
        }
        const auto form = parse_form(call.request.body);
        const auto grant = form.find("grant_type");
        if (grant == form.end() || grant->second != kGrant) {
            return refusal(call, 400, "unsupported_grant_type", "grant_type is not jwt-bearer.");
        }
        const auto assertion = form.find("assertion");
        if (assertion == form.end() || form.size() != 2) {
            return refusal(call, 400, "invalid_request", "The form is grant_type and assertion.");
        }
        const std::string problem = judge(assertion->second);
        if (!problem.empty()) {
            return refusal(call, 400, "invalid_grant", problem);
        }
        return std::nullopt;
    }

    std::string judge(const std::string& assertion) const {
        const std::optional<Jwt> jwt = account_.read(assertion);
        if (!jwt) {
            return "The assertion is not a JWT.";
        }
        if (!jwt->signed_by_us) {
            return "Invalid JWT signature.";
        }
        static const Check kClaims = object_of({{"iss", kString, true},
                                                {"scope", kString, true},
                                                {"aud", kString, true},
                                                {"iat", kInt, true},
                                                {"exp", kInt, true},
                                                {"sub", kString}});
        if (const Found found = kClaims(jwt->claims, "")) {
            return "Invalid JWT: " + found->where + " " + found->text + ".";
        }
        const std::int64_t issued = jwt->claims["iat"];
        const std::int64_t expires = jwt->claims["exp"];
        if (jwt->claims["iss"] != kAccountEmail) {
            return "Invalid JWT: account not found.";
        }
        if (jwt->claims["aud"] != kAudience) {
            return "Invalid JWT: aud is not the token endpoint.";
        }
        if (expires - issued > kMaxAssertionS || expires <= issued) {
            return "Invalid JWT: its life is above 3600 s, or none.";
        }
        if (issued > unix_time() + kClockSkewS || expires < unix_time() - kClockSkewS) {
            return "Invalid JWT: iat and exp are out of time; check the clock.";
        }
        const std::string scopes = jwt->claims["scope"];
        if (!scopes.starts_with("https://www.googleapis.com/auth/")) {
            return "Invalid JWT: no scope of Google's.";
        }
        return {};
    }

    const Account& account_;
};

} // namespace

std::unique_ptr<Provider> make_google_auth(const Account& account) {
    return std::make_unique<GoogleAuth>(account);
}

} // namespace mr::emulator

// Entra's token endpoint and Power BI's REST API; section 9.
#include "tests/emulator/provider.h"
#include "tests/emulator/tickets.h"

#include <map>

namespace mr::emulator {
namespace {

using nlohmann::json;

constexpr std::int64_t kLifetimeS = 3599;
constexpr std::string_view kScope = "https://analysis.windows.net/powerbi/api/.default";

class Entra final : public Provider {
  public:
    std::optional<Answer> refuse(Call& call) override {
        call.record.endpoint = "token";
        const std::vector<std::string> parts = split_path(call.path);
        if (parts.size() != 4 || parts[1] != "oauth2" || parts[2] != "v2.0" ||
            parts[3] != "token" || call.request.method != "POST") {
            return refusal(call, 404, "invalid_request", 900144, "There is nothing at this path.");
        }
        const std::string* type = call.request.header("content-type");
        if (!type || !type->starts_with("application/x-www-form-urlencoded")) {
            return refusal(call, 400, "invalid_request", 900144, "The body is not a form.");
        }
        auto form = parse_form(call.request.body);
        if (form["grant_type"] != "client_credentials") {
            return refusal(call, 400, "unsupported_grant_type", 70003,
                           "grant_type is not client_credentials.");
        }
        if (form["scope"] != kScope) {
            return refusal(call, 400, "invalid_scope", 1002012, "scope is not Power BI's.");
        }
        if (form.size() != 4) {
            return refusal(call, 400, "invalid_request", 900144,
                           "The form is grant_type, client_id, client_secret and scope.");
        }
        if (!call.known_key(form["client_id"] + ":" + form["client_secret"])) {
            return refusal(call, 401, "invalid_client", 7000215, "Invalid client secret.");
        }
        return std::nullopt;
    }

    Answer answer(Call& call, const Behaviour& how) override {
        const json life = field_of(how.answer, "expires_in", kLifetimeS);
        const std::int64_t seconds =
            life.is_string() ? std::stoll(life.get<std::string>()) : life.get<std::int64_t>();
        json body = {{"token_type", "Bearer"},
                     {"expires_in", life},
                     {"ext_expires_in", life},
                     {"access_token", call.tickets.issue("powerbi", seconds)}};
        if (how.answer.is_object()) {
            body.update(how.answer);
        }
        return json_answer(200, body);
    }

    Answer fail(const Call&, int status, const json& error) override {
        const json code = field_of(error, "code", 7000215);
        const std::string text = field_of(error, "message", "As told.").get<std::string>();
        return json_answer(status, {{"error", field_of(error, "error",
                                                       status < 500 ? "invalid_client"
                                                                    : "temporarily_unavailable")},
                                    {"error_description", "AADSTS" + code.dump() + ": " + text},
                                    {"error_codes", json::array({code})},
                                    {"timestamp", "2026-11-28 12:00:00Z"},
                                    {"trace_id", fresh_id("00000000-0000-4000-8000-")},
                                    {"correlation_id", fresh_id("00000000-0000-4000-8000-")}});
    }

  private:
    Answer refusal(Call& call, int status, const char* error, int code, const std::string& text) {
        call.record.problem = text;
        return fail(call, status, {{"error", error}, {"code", code}, {"message", text}});
    }
};

Found check_execute(const json& body) {
    static const std::vector<Field> kFields{
        {"queries", kArray, true, each(object_of({{"query", kString, true}}), 1, 1)},
        {"serializerSettings", kObject, false, object_of({{"includeNulls", kBool}})},
        {"impersonatedUserName", kString}};
    if (Found found = check_object(body, kFields, "")) {
        return found;
    }
    const std::string dax = body["queries"][0]["query"];
    const std::size_t begin = dax.find_first_not_of(" \t\r\n");
    const std::string word = begin == std::string::npos ? "" : dax.substr(begin, 8);
    if (!word.starts_with("EVALUATE") && !word.starts_with("DEFINE")) {
        return wrong("queries[0].query", "is not DAX");
    }
    return std::nullopt;
}

Found check_embed(const json& body) {
    static const Check kIds = each(object_of({{"id", kString, true}}), 0, 50);
    static const std::vector<Field> kFields{
        {"datasets", kArray, false,
         each(object_of({{"id", kString, true}, {"xmlaPermissions", kString}}), 0, 50)},
        {"reports", kArray, false,
         each(object_of({{"id", kString, true}, {"allowEdit", kBool}}), 0, 50)},
        {"targetWorkspaces", kArray, false, kIds},
        {"identities", kArray, false,
         each(object_of({{"username", kString},
                         {"roles", kArray},
                         {"datasets", kArray},
                         {"customData", kString}}),
              0, 50)},
        {"lifetimeInMinutes", kInt}};
    return check_object(body, kFields, "");
}

class PowerBi final : public Provider {
  public:
    std::optional<Answer> refuse(Call& call) override {
        call.record.endpoint = endpoint_of(call);
        if (call.record.endpoint.empty()) {
            return refusal(call, 404, "PowerBIEntityNotFound", "There is nothing at this path.");
        }
        const std::optional<std::string> token = call.bearer();
        if (!token || !(call.known_key(*token) || call.tickets.good("powerbi", *token))) {
            return refusal(call, 401, token ? "TokenExpired" : "Unauthorized", "No good token.");
        }
        if (call.record.endpoint == "report") {
            return std::nullopt;
        }
        if (!is_json(call.request) || !call.body.is_object()) {
            return refusal(call, 400, "InvalidRequest", "The body is not a JSON object.");
        }
        const Found problem = call.record.endpoint == "executeQueries" ? check_execute(call.body)
                                                                       : check_embed(call.body);
        if (problem) {
            return refusal(call, 400, "InvalidRequest", problem->where + " " + problem->text);
        }
        return std::nullopt;
    }

    Answer answer(Call& call, const Behaviour& how) override {
        const Headers headers{{"RequestId", fresh_id("00000000-0000-4000-8000-")}};
        if (how.answer.is_object()) {
            return json_answer(200, how.answer, headers);
        }
        if (call.record.endpoint == "report") {
            return json_answer(200,
                               {{"id", split_path(call.path).back()},
                                {"name", "Emulated report"},
                                {"embedUrl", "https://app.powerbi.com/reportEmbed"},
                                {"datasetId", "emulated-dataset"}},
                               headers);
        }
        if (call.record.endpoint == "embed") {
            return json_answer(200,
                               {{"token", fresh_id("H4sI")},
                                {"tokenId", fresh_id("00000000-0000-4000-8000-")},
                                {"expiration", "2027-01-01T00:00:00Z"}},
                               headers);
        }
        json row = {{"T[C]", "x"}, {"[Measure]", 1.5}};
        const json settings = call.body.value("serializerSettings", json::object());
        if (settings.value("includeNulls", false)) {
            row["T[N]"] = nullptr;
        }
        const json table = {{"rows", json::array({row})}};
        const json result = {{"tables", json::array({table})}};
        return json_answer(200, {{"results", json::array({result})}}, headers);
    }

    // With "pbi" in the error, its other form; 401 without a word has no body.
    Answer fail(const Call&, int status, const json& error) override {
        static const std::map<int, const char*> kCodes{{400, "InvalidRequest"},
                                                       {401, "TokenExpired"},
                                                       {403, "PowerBINotAuthorizedException"},
                                                       {404, "PowerBIEntityNotFound"},
                                                       {429, "TooManyRequests"}};
        const auto known = kCodes.find(status);
        const json code =
            field_of(error, "code", known == kCodes.end() ? "UnknownError" : known->second);
        json inner = {{"code", code}};
        if (field_of(error, "pbi", false) == true) {
            inner["pbi.error"] = {
                {"code", code}, {"parameters", json::object()}, {"details", json::array()}};
        } else {
            inner["message"] = field_of(error, "message", "As told.");
        }
        Answer answer = json_answer(
            status, {{"error", inner}},
            {{"RequestId", fresh_id("00000000-0000-4000-8000-")},
             {"x-powerbi-error-info", code.is_string() ? code.get<std::string>() : "error"}});
        if (field_of(error, "empty", false) == true) {
            answer.body.clear();
        }
        return answer;
    }

  private:
    // /v1.0/myorg[/groups/G]/datasets/D/executeQueries, …/reports/R, …/GenerateToken
    static std::string endpoint_of(const Call& call) {
        std::vector<std::string> parts = split_path(call.path);
        if (parts.size() < 3 || parts[0] != "v1.0" || parts[1] != "myorg") {
            return {};
        }
        parts.erase(parts.begin(), parts.begin() + 2);
        if (parts.size() > 2 && parts[0] == "groups") {
            parts.erase(parts.begin(), parts.begin() + 2);
        }
        const bool post = call.request.method == "POST";
        if (parts.size() == 3 && parts[0] == "datasets" && parts[2] == "executeQueries" && post) {
            return "executeQueries";
        }
        if (parts.size() == 1 && parts[0] == "GenerateToken" && post) {
            return "embed";
        }
        const bool report = parts.size() == 2 && parts[0] == "reports";
        return report && call.request.method == "GET" ? "report" : "";
    }

    Answer refusal(Call& call, int status, const char* code, const std::string& text) {
        call.record.problem = text;
        return fail(call, status, {{"code", code}, {"message", text}});
    }
};

} // namespace

std::unique_ptr<Provider> make_entra() {
    return std::make_unique<Entra>();
}

std::unique_ptr<Provider> make_powerbi() {
    return std::make_unique<PowerBi>();
}

} // namespace mr::emulator

// Power BI: a token of Entra for the application, then a query of one constant row on the semantic
// model. Both cost nothing but a request.
#include "worker/checks/verdict.h"
#include "worker/providers/entra/token.h"
#include "worker/providers/remote_json.h"

#include <utility>

namespace mr::checkup {
namespace {

using nlohmann::json;

Target entra_target(const Settings& settings) {
    const EntraSettings& entra = settings.entra;
    Target target = target_of(settings, entra, "Entra", "entra", entra.authority);
    target.url_setting = "entra_authority";
    target.secret = entra.client_secret;
    target.missing = "tenant " + entra.tenant;
    target.key_cure = "put the value, not the id, of a secret that has not expired in "
                      "entra_client_secret, and its application in entra_client_id";
    target.permission_cure = target.key_cure;
    target.missing_cure = "correct entra_tenant";
    target.quota_cure = "wait, or have the tenant's limit raised";
    target.region_cure = "correct entra_authority: national clouds have their own";
    return target;
}

Question token_question(const EntraSettings& entra) {
    return Question("POST", entra::token_path(entra.tenant),
                    entra::token_form(entra.client_id, entra.client_secret, entra.scope),
                    "application/x-www-form-urlencoded");
}

Target powerbi_target(const Settings& settings, const std::string& token) {
    const PowerBiSettings& powerbi = settings.powerbi;
    Target target = target_of(settings, powerbi, "Power BI", "powerbi");
    target.headers.push_back("Authorization: Bearer " + token);
    target.secret = token;
    target.missing = "dataset " + powerbi.dataset;
    target.key_cure = "let the tenant's administrator allow service principals to use Fabric APIs";
    target.permission_cure =
        "give the application the rights Read and Build on the semantic model, "
        "and let the tenant allow service principals";
    target.missing_cure = "correct powerbi_dataset or powerbi_workspace";
    target.quota_cure = "wait a minute, or lower powerbi_queries_per_second";
    target.region_cure = "correct powerbi_base_url: national clouds have their own";
    return target;
}

Question row_question(const PowerBiSettings& settings) {
    json query;
    query["query"] = "EVALUATE ROW(\"x\", 1)";
    json body;
    body["queries"] = json::array({query});
    const std::string group = settings.workspace.empty() ? "" : "/groups/" + settings.workspace;
    return Question("POST",
                    settings.api_path + group + "/datasets/" + settings.dataset + "/executeQueries",
                    body.dump());
}

// Entra names what is wrong by a number, and for most there is a cure of their own.
void explain_entra(const Reply& token, Finding& finding) {
    if (finding.trouble == Trouble::server || finding.trouble == Trouble::busy) {
        return;
    }
    const json& codes = member(token.json, "error_codes");
    for (const json& code : items_of(codes)) {
        const std::string_view cure = entra::cure_of(count_of(code));
        if (!cure.empty()) {
            finding.cause += " (AADSTS" + std::to_string(count_of(code)) + ")";
            finding.cure = cure;
        }
    }
}

} // namespace

Task<void> check_powerbi(const Settings& settings, Run& run, Finding& finding) {
    finding.resource = "dataset " + settings.powerbi.dataset;
    const Target entra = entra_target(settings);
    Question first = token_question(settings.entra);
    const Reply token = co_await ask(run, entra, std::move(first));
    if (!judge(token, run, entra, finding)) {
        finding.there.reset();
        explain_entra(token, finding);
        co_return;
    }
    const std::string access = text_of(member(token.json, "access_token"));
    const Target target = powerbi_target(settings, access);
    Question second = row_question(settings.powerbi);
    const Reply reply = co_await ask(run, target, std::move(second));
    if (judge(reply, run, target, finding)) {
        finding.there = true;
    }
}

} // namespace mr::checkup

// Google's access token, which all its services are asked with: of a service account or of the
// machine. What is wrong with the clock shows here first, since the account signs the time.
#include "worker/checks/verdict.h"
#include "worker/providers/google/token.h"
#include "worker/providers/remote_json.h"

#include <utility>

namespace mr::checkup {
namespace {

using Account = std::optional<google::ServiceAccount>; // null: the machine's own

constexpr std::chrono::seconds kAssertionTolerance{60}; // less is no reason to refuse one

// As the API is reached that the token is for.
Target route(const Settings& settings) {
    if (!settings.gemini_project.empty()) {
        return target_of(settings, settings.gemini, "Google", "gemini");
    }
    if (settings.bigquery_active()) {
        return target_of(settings, settings.bigquery, "Google", "bigquery");
    }
    return target_of(settings, settings.vertex_search, "Google", "vertex_search");
}

Target account_target(const Settings& settings, const google::ServiceAccount& account) {
    Target target = route(settings);
    target.url_setting = "google_token_url";
    target.base_url =
        settings.google_token_url.empty() ? account.token_uri : settings.google_token_url;
    target.key_cure = "is the account enabled and the key not deleted? Make a new key file for "
                      "google_credentials_file";
    return target;
}

Target machine_target(const Settings& settings) {
    Target target = route(settings);
    target.url_setting = "google_metadata_url";
    target.base_url = settings.google_metadata_url;
    target.proxy.clear();
    target.headers.emplace_back("Metadata-Flavor: Google");
    target.key_cure = "name a key file in google_credentials_file";
    return target;
}

Target token_target(const Settings& settings, const Account& account) {
    Target target = account ? account_target(settings, *account) : machine_target(settings);
    target.secret.clear();
    target.connect_to.clear();
    target.missing = "account of this machine";
    target.quota_cure = "raise the project's quota";
    target.region_cure = "use another account";
    target.permission_cure = target.key_cure;
    target.missing_cure = "give the machine a service account, or name a key file in "
                          "google_credentials_file";
    return target;
}

// A grant that is refused: by the clock when it is off, else because of the account.
void refused_grant(const Reply& reply, const Target& target, Finding& finding) {
    const ErrorWords error = error_words(reply.json, "");
    finding.authorised = false;
    const auto ahead = clock_ahead(reply);
    if (ahead && std::chrono::abs(*ahead) >= kAssertionTolerance) {
        fail(finding, Trouble::clock,
             "Google refuses the account's signature (invalid_grant): this machine's clock is " +
                 clock_words(*ahead),
             std::string(kClockCure));
    } else {
        fail(finding, Trouble::key,
             "Google refuses the account (invalid_grant: " + error.message + ")", target.key_cure);
    }
}

// Not at Google: what is wrong is that no key file is named.
void explain_metadata(Finding& finding) {
    const bool absent = finding.trouble == Trouble::name ||
                        finding.trouble == Trouble::connection || finding.trouble == Trouble::late;
    if (absent || finding.trouble == Trouble::not_api) {
        fail(finding, Trouble::key,
             "no key file is named, and this machine has no metadata server of Google's",
             "name a service account's key file in google_credentials_file or "
             "GOOGLE_APPLICATION_CREDENTIALS");
    }
}

Task<Reply> ask_for_token(const Run& run, const Target& target, const Account& account) {
    if (account) {
        const auto now = std::chrono::system_clock::now();
        Question question(
            "POST", "",
            google::assertion_form(google::signed_assertion(*account, google::kCloudScope, now)),
            "application/x-www-form-urlencoded");
        Reply reply = co_await ask(run, target, std::move(question));
        co_return reply;
    }
    net::HttpClient direct; // this machine is asked about itself: never through a proxy
    Question question("GET", std::string(google::kMetadataTokenPath));
    Reply reply = co_await ask_by(direct, run, target, std::move(question));
    co_return reply;
}

} // namespace

Task<void> check_google(const Settings& settings, Run& run, Finding& finding) {
    Account account;
    if (!settings.google_credentials_file.empty()) {
        account = google::read_service_account(settings.google_credentials_file);
    }
    const Target target = token_target(settings, account);
    finding.resource = account ? account->email : "this machine's account";
    const Reply reply = co_await ask_for_token(run, target, account);
    const bool judged = judge(reply, run, target, finding);
    const bool flavoured = reply.head.header("metadata-flavor") == "Google";
    if (!judged && error_words(reply.json, "").has("invalid_grant")) {
        refused_grant(reply, target, finding);
    } else if (judged && !account && !flavoured) {
        fail(finding, Trouble::not_api, "what answers is no metadata server", "");
    }
    if (!account) {
        explain_metadata(finding);
    }
    if (finding.good()) {
        run.google_token = text_of(member(reply.json, "access_token"));
        finding.there = !run.google_token.empty();
        if (!*finding.there) {
            fail(finding, Trouble::not_api, "Google's reply holds no access_token",
                 "is google_token_url right?");
        }
    }
}

} // namespace mr::checkup

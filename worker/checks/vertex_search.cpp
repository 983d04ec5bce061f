// Vertex AI Search: one document is searched for, without a summary.
#include "worker/checks/verdict.h"

#include <utility>

namespace mr::checkup {
namespace {

using nlohmann::json;

Target search_target(const Settings& settings, const Run& run) {
    const VertexSearchSettings& search = settings.vertex_search;
    Target target = target_of(settings, search, "Vertex AI Search", "vertex_search");
    target.base_url = settings.vertex_search_url();
    target.headers.push_back("Authorization: Bearer " + run.google_token);
    if (!search.user_project.empty()) {
        target.headers.push_back("x-goog-user-project: " + search.user_project);
    }
    target.secret = run.google_token;
    target.key_cure = "let google_credentials_file name a key of an account that is enabled";
    target.permission_cure = "enable the Discovery Engine API in project " + search.project +
                             " and give the account the role Discovery Engine Viewer";
    target.missing_cure = "correct vertex_search_engine or _data_store, _project, _location (" +
                          search.location + ") or _serving_config";
    target.quota_cure = "enable billing for project " + search.project + " or raise its quota";
    target.region_cure = "correct vertex_search_location";
    return target;
}

Question search_question(const VertexSearchSettings& settings) {
    json body;
    body["query"] = "report";
    body["pageSize"] = 1;
    if (!settings.project_field.empty()) { // refused where the field cannot be filtered by
        body["filter"] = settings.project_field + ": ANY(\"none\")";
    }
    return Question("POST", ":search", body.dump());
}

} // namespace

Task<void> check_vertex_search(const Settings& settings, Run& run, Finding& finding) {
    const VertexSearchSettings& search = settings.vertex_search;
    finding.resource =
        search.engine.empty() ? "data store " + search.data_store : "engine " + search.engine;
    if (run.google_token.empty()) {
        fail(finding, Trouble::skipped, "not asked: Google has given no access token",
             "see the row of google");
        co_return;
    }
    Target target = search_target(settings, run);
    target.missing = finding.resource;
    Question question = search_question(search);
    const Reply reply = co_await ask(run, target, std::move(question));
    if (judge(reply, run, target, finding)) {
        finding.there = true;
    } else if (!reply.error && reply.head.status == 400 && !search.project_field.empty() &&
               reply.body.find(search.project_field) != std::string::npos) {
        finding.authorised = true;
        finding.there = false;
        fail(finding, Trouble::missing,
             "Vertex AI Search cannot filter by the field " + search.project_field,
             "mark the field as indexable in the data store's schema, or correct "
             "vertex_search_project_field");
    }
}

} // namespace mr::checkup

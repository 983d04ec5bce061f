// Gemini: by its API key the model is looked up; on Vertex AI, which lists no models of Google's,
// the tokens of a word are counted. Both cost nothing.
#include "worker/checks/models.h"
#include "worker/encoding.h"
#include "worker/providers/remote_json.h"

#include <algorithm>
#include <utility>

namespace mr::checkup {
namespace {

using nlohmann::json;

constexpr ModelList kList{"/models?pageSize=1000", "models", "name", "models/"};
constexpr std::string_view kGenerate = "generateContent";

Target key_target(const Settings& settings) {
    Target target = target_of(settings, settings.gemini, "Gemini", "gemini");
    if (!settings.gemini.api_key.empty()) {
        target.headers.push_back("x-goog-api-key: " + settings.gemini.api_key);
    }
    target.key_cure = "put a valid key in gemini_api_key, its file or GEMINI_API_KEY";
    target.permission_cure = "let the key use the Generative Language API, or use another key";
    target.missing_cure = "set gemini_model to a model that this key may use";
    target.quota_cure = "enable billing for the key's project or raise its quota";
    target.region_cure = "run the worker where Gemini may be used, or use it on Vertex AI "
                         "(gemini_project, gemini_location)";
    return target;
}

Target vertex_target(const Settings& settings, const Run& run) {
    Target target = target_of(settings, settings.gemini, "Vertex AI", "gemini");
    target.base_url = settings.gemini_url();
    target.headers.push_back("Authorization: Bearer " + run.google_token);
    target.secret = run.google_token;
    const std::string& project = settings.gemini_project;
    target.key_cure = "let google_credentials_file name a key of an account that is enabled";
    target.permission_cure = "enable the Vertex AI API in project " + project +
                             " and give the account the role Vertex AI User (aiplatform.user)";
    target.missing_cure = "correct gemini_model or gemini_location (" + settings.gemini_location +
                          "): not every model is in every location; global has most";
    target.quota_cure = "enable billing for project " + project + " or raise its quota";
    target.region_cure = "set another gemini_location, such as global";
    return target;
}

Question count_question(const std::string& model) {
    json part;
    part["text"] = "yes";
    json content;
    content["role"] = "user";
    content["parts"] = json::array({part});
    json body;
    body["contents"] = json::array({content});
    return Question("POST", "/models/" + percent_encoded(model) + ":countTokens", body.dump());
}

bool generates(const json& model) {
    const json& methods = items_of(member(model, "supportedGenerationMethods"));
    return methods.empty() || std::find(methods.begin(), methods.end(), kGenerate) != methods.end();
}

Task<void> check_by_key(const Settings& settings, const Run& run, Finding& finding) {
    Target target = key_target(settings);
    const std::string& model = settings.gemini.model;
    target.missing = finding.resource;
    Question question("GET", "/models/" + percent_encoded(model));
    const Reply reply = co_await ask(run, target, std::move(question));
    if (judge(reply, run, target, finding)) {
        finding.there = generates(reply.json);
        if (!*finding.there) {
            fail(finding, Trouble::missing, "Gemini's model " + model + " writes no text",
                 target.missing_cure);
        }
    }
    if (finding.trouble == Trouble::missing) {
        co_await suggest_models(run, target, model, kList, finding);
    }
}

Task<void> check_on_vertex(const Settings& settings, const Run& run, Finding& finding) {
    if (run.google_token.empty()) {
        fail(finding, Trouble::skipped, "not asked: Google has given no access token",
             "see the row of google");
        co_return;
    }
    Target target = vertex_target(settings, run);
    target.missing = finding.resource + " in " + settings.gemini_location;
    Question question = count_question(settings.gemini.model);
    const Reply reply = co_await ask(run, target, std::move(question));
    if (judge(reply, run, target, finding)) {
        finding.there = true;
    } else if (finding.trouble == Trouble::name && settings.gemini.base_url == kGeminiUrl) {
        finding.cure = "is gemini_location (" + settings.gemini_location +
                       ") right, and has this machine a network and a DNS? Behind a proxy set "
                       "provider_proxy";
    }
}

} // namespace

Task<void> check_gemini(const Settings& settings, Run& run, Finding& finding) {
    finding.resource = "model " + settings.gemini.model;
    if (settings.gemini_project.empty()) {
        co_await check_by_key(settings, run, finding);
    } else {
        co_await check_on_vertex(settings, run, finding);
    }
}

} // namespace mr::checkup

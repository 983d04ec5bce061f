// Anthropic: the model is looked up, which costs nothing; where the server has no such call, a
// reply of a few tokens is asked for.
#include "worker/checks/models.h"
#include "worker/encoding.h"
#include "worker/providers/anthropic/dialect.h"

#include <utility>

namespace mr::checkup {
namespace {

constexpr ModelList kList{"/v1/models?limit=1000", "data", "id", ""};

Target anthropic_target(const Settings& settings) {
    Target target = target_of(settings, settings.anthropic, "Anthropic", "anthropic");
    if (!settings.anthropic.api_key.empty()) {
        target.headers.push_back("x-api-key: " + settings.anthropic.api_key);
    }
    target.headers.push_back("anthropic-version: " + settings.anthropic.version);
    target.missing = "model " + settings.anthropic.model;
    target.key_cure = "put a valid key in anthropic_api_key, its file or ANTHROPIC_API_KEY";
    target.permission_cure = "give the key's workspace access to the model, or use another key";
    target.missing_cure = "set anthropic_model to a model that this key may use";
    target.quota_cure = "add credit or raise the spend limit in the account's billing";
    target.region_cure = "run the worker where the provider may be used, or use another provider";
    return target;
}

Question reply_question(const Settings& settings) {
    model::Options options;
    options.model = settings.anthropic.model;
    options.version = settings.anthropic.version;
    options.max_tokens = kProbeTokens;
    const std::unique_ptr<model::Dialect> dialect = anthropic::make_dialect(options);
    ModelRequest request;
    request.messages.push_back({Speaker::user, "Say yes."});
    const model::WireRequest wire = dialect->request(request, model::Features());
    return Question("POST", wire.path, wire.body.dump());
}

} // namespace

Task<void> check_anthropic(const Settings& settings, Run& run, Finding& finding) {
    Target target = anthropic_target(settings);
    const std::string& model = settings.anthropic.model;
    finding.resource = "model " + model;
    Question question("GET", "/v1/models/" + percent_encoded(model));
    Reply reply = co_await ask(run, target, std::move(question));
    if (lacks_the_call(reply)) {
        Question longer = reply_question(settings);
        reply = co_await ask(run, target, std::move(longer));
        target.missing_cure += "; or is anthropic_base_url right, without /v1?";
    }
    co_await judge_model(reply, run, target, model, kList, finding);
}

} // namespace mr::checkup

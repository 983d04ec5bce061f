// OpenAI, or a server that speaks its API: the model is looked up, which costs nothing; where the
// server has no such call, a reply of a few tokens is asked for.
#include "worker/checks/models.h"
#include "worker/encoding.h"
#include "worker/providers/openai/dialects.h"

#include <utility>

namespace mr::checkup {
namespace {

constexpr ModelList kList{"/models", "data", "id", ""};

Target openai_target(const Settings& settings) {
    Target target = target_of(settings, settings.openai, "OpenAI", "openai");
    if (!settings.openai.api_key.empty()) {
        target.headers.push_back("Authorization: Bearer " + settings.openai.api_key);
    }
    target.missing = "model " + settings.openai.model;
    target.key_cure = "put a valid key in openai_api_key, its file or OPENAI_API_KEY";
    target.permission_cure = "give the key's project access to models, or use another key";
    target.missing_cure = "set openai_model to a model that this key may use";
    target.quota_cure =
        "add credit or raise the limit in the account's billing, or use another key";
    target.region_cure = "run the worker where the provider may be used, or use another provider";
    return target;
}

// As the worker asks, so that a server takes it that takes the worker's.
Question reply_question(const Settings& settings, const model::Features& features) {
    model::Options options;
    options.model = settings.openai.model;
    options.max_tokens = kProbeTokens;
    const std::unique_ptr<model::Dialect> dialect = settings.openai_api == "chat"
                                                        ? openai::make_chat_dialect(options)
                                                        : openai::make_responses_dialect(options);
    ModelRequest request;
    request.messages.push_back({Speaker::user, "Say yes."});
    const model::WireRequest wire = dialect->request(request, features);
    return Question("POST", wire.path, wire.body.dump());
}

Task<Reply> ask_for_a_reply(const Settings& settings, const Run& run, const Target& target) {
    model::Features features;
    Question question = reply_question(settings, features);
    Reply reply = co_await ask(run, target, std::move(question));
    const bool older = reply.head.status == 400 || reply.head.status == 422;
    if (older && reply.body.find("max_completion_tokens") != std::string::npos) {
        features.drop("max_completion_tokens");
        Question again = reply_question(settings, features);
        reply = co_await ask(run, target, std::move(again));
    }
    co_return reply;
}

} // namespace

Task<void> check_openai(const Settings& settings, Run& run, Finding& finding) {
    Target target = openai_target(settings);
    const std::string& model = settings.openai.model;
    finding.resource = "model " + model;
    Question question("GET", "/models/" + percent_encoded(model));
    Reply reply = co_await ask(run, target, std::move(question));
    const bool by_reply = lacks_the_call(reply);
    if (by_reply) {
        reply = co_await ask_for_a_reply(settings, run, target);
        target.missing_cure += "; or is openai_base_url right, with the version of the API (/v1)?";
    }
    co_await judge_model(reply, run, target, model, kList, finding);
}

} // namespace mr::checkup

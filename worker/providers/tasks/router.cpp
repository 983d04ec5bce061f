// Which tools can answer a question.
#include "worker/pipeline/prompts/prompts.h"
#include "worker/providers/tasks/conversation.h"
#include "worker/providers/tasks/structured.h"
#include "worker/providers/tasks/tasks.h"

#include <algorithm>
#include <utility>

namespace mr::tasks {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxCalls = 8;
constexpr std::size_t kMaxInputBytes = 2'000;
constexpr std::size_t kMaxReasonBytes = 1'000;

ReplySchema reply_schema() {
    ReplySchema out;
    out.name = "route";
    const json call = object_schema(
        {{"tool", choice_schema({kToolSql, kToolDocuments, kToolCrm, kToolChart}, "the tool")},
         {"input",
          text_schema("what this tool is to answer, understandable without the "
                      "conversation; for powerbi the kind of chart asked for, or empty")}});
    out.schema = object_schema(
        {{"calls", list_schema(call, "the tools to run, at most one call of each unless the "
                                     "question has separate parts; empty when none is needed")},
         {"reasoning", text_schema("one or two short sentences for the user: why these tools")}});
    return out;
}

bool known(std::string_view tool) {
    return tool == kToolSql || tool == kToolDocuments || tool == kToolCrm || tool == kToolChart;
}

class ModelRouter final : public Router {
  public:
    ModelRouter(std::shared_ptr<ChatModel> model, const std::string& semantic)
        : model_(std::move(model)), schema_(reply_schema()), charts_alone_(!semantic.empty()),
          system_(prompt("route.v1")) {
        if (charts_alone_) {
            system_ += "\n" + std::string(prompt("route_semantic.v1")) + semantic;
        }
    }

    Task<RoutePlan> route(const Question& question, const ProjectScope& scope,
                          CallContext& call) override {
        ModelRequest request;
        request.system = system_;
        request.schema = &schema_;
        request.messages = history_messages(question);
        request.messages.push_back(
            {Speaker::user, "Question: " + question.text + "\n\n" + scope_text(scope)});
        const json object = co_await ask_for_object(*model_, request, call);
        co_return plan(object, question);
    }

  private:
    RoutePlan plan(const json& object, const Question& question) const {
        RoutePlan out;
        for (const json& one : list_field(object, "calls")) {
            ToolCall call;
            call.tool = text_field(one, "tool", kMaxInputBytes);
            call.input = text_field(one, "input", kMaxInputBytes);
            if (!known(call.tool)) {
                bad_reply();
            }
            if (call.input.empty() && call.tool != kToolChart) {
                call.input = question.text;
            }
            if (out.calls.size() < kMaxCalls) {
                out.calls.push_back(std::move(call));
            }
        }
        out.reasoning = text_field(object, "reasoning", kMaxReasonBytes);
        const bool rows = std::any_of(out.calls.begin(), out.calls.end(),
                                      [](const ToolCall& call) { return call.tool == kToolSql; });
        if (!rows && !charts_alone_) {
            std::erase_if(out.calls, [](const ToolCall& call) { return call.tool == kToolChart; });
        }
        return out;
    }

    std::shared_ptr<ChatModel> model_;
    ReplySchema schema_;
    bool charts_alone_;
    std::string system_;
};

} // namespace

std::unique_ptr<Router> make_router(std::shared_ptr<ChatModel> model, const std::string& semantic) {
    return std::make_unique<ModelRouter>(std::move(model), semantic);
}

} // namespace mr::tasks

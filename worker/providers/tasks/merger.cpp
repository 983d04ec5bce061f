// One picture out of what the tools have found.
#include "worker/pipeline/prompts/prompts.h"
#include "worker/providers/evidence.h"
#include "worker/providers/tasks/structured.h"
#include "worker/providers/tasks/tasks.h"

#include <utility>

namespace mr::tasks {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxSummaryBytes = 1'500;
constexpr std::size_t kMaxInsights = 6;
constexpr std::size_t kMaxInsightBytes = 500;

ReplySchema reply_schema() {
    ReplySchema out;
    out.name = "findings";
    out.schema = object_schema(
        {{"summary", text_schema("what the findings say to the question, one to three sentences")},
         {"insights", list_schema(text_schema("one sentence"),
                                  "what stands out: shares, trends, contradictions between the "
                                  "findings; at most six, none that repeats the summary")}});
    return out;
}

std::string findings_text(const MergeRequest& request) {
    const RoutePlan plan;
    const MergedFindings none;
    const std::vector<Source> sources;
    const AnswerRequest evidence{
        request.question, request.scope, plan, request.findings, none, sources, ""};
    return "Question: " + request.question.text + "\n\nFindings:\n" + evidence_text(evidence);
}

class ModelMerger final : public Merger {
  public:
    explicit ModelMerger(std::shared_ptr<ChatModel> model)
        : model_(std::move(model)), schema_(reply_schema()) {}

    Task<MergedFindings> merge(const MergeRequest& request, CallContext& call) override {
        ModelRequest asked;
        asked.system = prompt("merge.v1");
        asked.schema = &schema_;
        asked.messages.push_back({Speaker::user, findings_text(request)});
        const json object = co_await ask_for_object(*model_, asked, call);
        MergedFindings merged;
        merged.summary = text_field(object, "summary", kMaxSummaryBytes);
        merged.insights = texts_field(object, "insights", kMaxInsights, kMaxInsightBytes);
        co_return merged;
    }

  private:
    std::shared_ptr<ChatModel> model_;
    ReplySchema schema_;
};

} // namespace

std::unique_ptr<Merger> make_merger(std::shared_ptr<ChatModel> model) {
    return std::make_unique<ModelMerger>(std::move(model));
}

} // namespace mr::tasks

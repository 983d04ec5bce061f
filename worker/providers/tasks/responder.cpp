// The answer, streamed.
#include "worker/providers/overlap.h"
#include "worker/providers/tasks/conversation.h"
#include "worker/providers/tasks/tasks.h"

#include <optional>
#include <utility>

namespace mr::tasks {
namespace {

// What has been delivered is not said again, and what has been said is not taken back.
class AnswerSink final : public ModelSink {
  public:
    // All outlive it. What was asked is forgotten with the first word: there is no other attempt.
    AnswerSink(std::string_view delivered, const TextSink& sink, ModelRequest& asked)
        : delivered_(delivered), sink_(sink), asked_(asked), cut_(delivered) {}

    void begin() override { cut_ = OverlapCut(delivered_); }
    void text(std::string_view piece) override { say(cut_.feed(piece)); }
    void end() override { say(cut_.finish()); }
    bool committed() const override { return said_any_; }

  private:
    void say(const std::string& text) {
        if (text.empty()) {
            return;
        }
        if (!std::exchange(said_any_, true)) {
            const ModelRequest gone = std::move(asked_);
        }
        sink_(text);
    }

    std::string_view delivered_;
    const TextSink& sink_;
    ModelRequest& asked_;
    OverlapCut cut_;
    bool said_any_ = false;
};

class ModelResponder final : public Responder {
  public:
    explicit ModelResponder(std::shared_ptr<ChatModel> model) : model_(std::move(model)) {}

    Task<void> respond(const AnswerRequest& request, const TextSink& sink,
                       CallContext& call) override {
        ModelRequest asked = answer_request(request);
        AnswerSink answer(request.delivered, sink, asked);
        co_await model_->generate(asked, answer, call);
    }

  private:
    std::shared_ptr<ChatModel> model_;
};

} // namespace

std::unique_ptr<Responder> make_responder(std::shared_ptr<ChatModel> model) {
    return std::make_unique<ModelResponder>(std::move(model));
}

} // namespace mr::tasks

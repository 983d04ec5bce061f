// Streams the embedded answer, and the development-mode answer of the original protocol.
#include "worker/providers/local/answer.h"
#include "worker/providers/local/embedded.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace mr::local {
namespace {

// Behind the next word and the blanks that follow it.
std::size_t word_end(std::string_view text, std::size_t begin) {
    const auto blank = [](char c) { return c == ' ' || c == '\n'; };
    std::size_t end = begin;
    while (end < text.size() && !blank(text[end])) {
        ++end;
    }
    while (end < text.size() && blank(text[end])) {
        ++end;
    }
    return end;
}

class LocalResponder final : public Responder {
  public:
    LocalResponder(std::shared_ptr<Backend> backend, unsigned tokens_per_second)
        : backend_(std::move(backend)), tokens_per_second_(tokens_per_second) {}

    Task<void> respond(const AnswerRequest& request, const TextSink& sink, CallContext&) override {
        std::string answer = compose_answer(request, backend_->vocabulary);
        co_await stream_words(std::move(answer), request.delivered, sink, tokens_per_second_);
    }

  private:
    std::shared_ptr<Backend> backend_;
    unsigned tokens_per_second_;
};

class StubResponder final : public Responder {
  public:
    explicit StubResponder(unsigned tokens_per_second) : tokens_per_second_(tokens_per_second) {}

    Task<void> respond(const AnswerRequest& request, const TextSink& sink, CallContext&) override {
        std::string answer = "[DEVELOPMENT MODE]\n\nYour question: " + request.question.text +
                             "\n\n**Summary:** " + request.merged.summary + "\n\n**Insights:**";
        for (const std::string& insight : request.merged.insights) {
            answer += "\n- " + insight;
        }
        co_await stream_words(std::move(answer), request.delivered, sink, tokens_per_second_);
    }

  private:
    unsigned tokens_per_second_;
};

} // namespace

Task<void> stream_words(std::string text, std::string_view delivered, const TextSink& sink,
                        unsigned tokens_per_second) {
    std::size_t at = 0;
    if (text.starts_with(delivered)) {
        at = delivered.size();
    } else if (!delivered.empty()) {
        text = "\n\n" + text; // the data has changed in between: say it anew behind what stands
    }
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer timer(executor);
    auto next = std::chrono::steady_clock::now();
    while (at < text.size()) {
        const std::size_t end = word_end(text, at);
        sink(std::string_view(text).substr(at, end - at));
        at = end;
        if (tokens_per_second > 0 && at < text.size()) {
            next += std::chrono::nanoseconds(1'000'000'000 / tokens_per_second);
            timer.expires_at(next);
            co_await timer.async_wait(boost::asio::use_awaitable);
        }
    }
}

std::unique_ptr<Responder> make_responder(std::shared_ptr<Backend> backend,
                                          unsigned tokens_per_second) {
    return std::make_unique<LocalResponder>(std::move(backend), tokens_per_second);
}

std::unique_ptr<Responder> make_stub_responder(unsigned tokens_per_second) {
    return std::make_unique<StubResponder>(tokens_per_second);
}

} // namespace mr::local

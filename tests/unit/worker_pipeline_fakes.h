// Providers for tests: slow, broken, scripted.
#pragma once

#include "tests/unit/worker_pipeline_support.h"

#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace mr::test {

using std::chrono::milliseconds;

inline Task<void> sleep_for(milliseconds time) {
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer timer(executor, time);
    co_await timer.async_wait(boost::asio::use_awaitable);
}

inline constexpr milliseconds kHang{600'000};

class FixedRouter final : public Router {
  public:
    explicit FixedRouter(std::vector<ToolCall> calls) : calls_(std::move(calls)) {}
    Task<RoutePlan> route(const Question&, const ProjectScope&, CallContext&) override {
        RoutePlan plan;
        plan.calls = calls_;
        plan.reasoning = "fixed";
        co_return plan;
    }

  private:
    std::vector<ToolCall> calls_;
};

class SlowDocuments final : public DocumentSearch {
  public:
    explicit SlowDocuments(milliseconds time) : time_(time) {}
    Task<DocumentHits> search(const Question&, const std::string& input, const ProjectScope&,
                              CallContext&) override {
        co_await sleep_for(time_);
        DocumentHits hits;
        hits.query = input;
        co_return hits;
    }

  private:
    milliseconds time_;
};

class BrokenCrm final : public CrmSearch {
  public:
    explicit BrokenCrm(std::function<void()> fail) : fail_(std::move(fail)) {}
    Task<CrmHits> search(const Question&, const std::string&, const ProjectScope&,
                         CallContext&) override {
        fail_();
        co_return CrmHits{};
    }

  private:
    std::function<void()> fail_;
};

class SlowExtractor final : public ProjectExtractor {
  public:
    Task<ProjectMentions> extract(const Question&, CallContext&) override {
        co_await sleep_for(kHang);
        co_return ProjectMentions{};
    }
};

class SlowRouter final : public Router {
  public:
    Task<RoutePlan> route(const Question&, const ProjectScope&, CallContext&) override {
        co_await sleep_for(kHang);
        co_return RoutePlan{};
    }
};

class SlowMerger final : public Merger {
  public:
    Task<MergedFindings> merge(const MergeRequest&, CallContext&) override {
        co_await sleep_for(kHang);
        co_return MergedFindings{};
    }
};

// Says some words, then hangs or fails.
class ScriptedResponder final : public Responder {
  public:
    ScriptedResponder(std::vector<std::string> words, std::function<void()> then, bool hang)
        : words_(std::move(words)), then_(std::move(then)), hang_(hang) {}
    Task<void> respond(const AnswerRequest&, const TextSink& sink, CallContext& call) override {
        Usage usage;
        usage.provider = "fake";
        usage.model = "words";
        usage.input_tokens = 10;
        usage.output_tokens = 3;
        call.usage.push_back(usage);
        for (const std::string& word : words_) {
            sink(word);
        }
        if (then_) {
            then_();
        }
        if (hang_) {
            co_await sleep_for(kHang);
        }
    }

  private:
    std::vector<std::string> words_;
    std::function<void()> then_;
    bool hang_;
};

inline const ToolCall kSql{std::string(kToolSql), "How much have we invoiced on Harbor Point?"};
inline const ToolCall kDocuments{std::string(kToolDocuments), "membrane"};
inline const ToolCall kCrm{std::string(kToolCrm), "Seabright"};
inline const ToolCall kChart{std::string(kToolChart), ""};
inline const std::string kQuestion = "How much have we invoiced on Harbor Point?";

inline Recorded completed(const RecordingHost& host, std::string_view tool) {
    for (const Recorded& event : host.of_type("tool_complete")) {
        if (event.v1["tool"] == tool) {
            return event;
        }
    }
    ADD_FAILURE() << tool << " was not completed";
    return {};
}

} // namespace mr::test

#include "worker/providers/in_turn.h"

#include "worker/log.h"
#include "worker/metrics/meters.h"

#include <chrono>
#include <utility>

namespace mr {
namespace {

// Two thirds of what is left.
SteadyTime share_of(SteadyTime deadline) {
    const auto now = std::chrono::steady_clock::now();
    return deadline <= now ? deadline : now + (deadline - now) * 2 / 3;
}

void report(std::string_view task, const std::string& step, const std::string& provider,
            const std::string& next, const std::string& cause) {
    metrics::meters().failovers.at({task, provider, next}).add();
    log::warn(
        "provider failed, the next one is asked",
        {{"task", task}, {"provider", provider}, {"next", next}, {"step", step}, {"cause", cause}});
}

// `ask(service)` of each choice in turn. `open` says whether the next one may still be asked. Both
// live in the caller's frame.
template <typename Service, typename Ask, typename Open>
Task<void> ask_each(const Choices<Service>& choices, std::string_view task, CallContext& call,
                    Ask& ask, Open& open) {
    const SteadyTime deadline = call.deadline;
    int attempts = 0;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        const bool last = i + 1 == choices.size();
        call.deadline = last ? deadline : share_of(deadline);
        call.attempts = 1;
        std::string failed;
        try {
            co_await ask(*choices[i].service);
        } catch (const ProviderError& error) {
            if (last || error.fault() == ProviderFault::filter || !open()) {
                throw;
            }
            failed = error.what();
        }
        attempts += call.attempts;
        if (failed.empty()) {
            break;
        }
        report(task, call.step, choices[i].provider, choices[i + 1].provider, failed);
    }
    call.deadline = deadline;
    call.attempts = attempts;
}

constexpr auto kAlways = [] { return true; };

class ExtractorsInTurn final : public ProjectExtractor {
  public:
    explicit ExtractorsInTurn(Choices<ProjectExtractor> choices) : choices_(std::move(choices)) {}
    Task<ProjectMentions> extract(const Question& question, CallContext& call) override {
        ProjectMentions out;
        auto ask = [&](ProjectExtractor& one) -> Task<void> {
            out = co_await one.extract(question, call);
        };
        co_await ask_each(choices_, "extractor", call, ask, kAlways);
        co_return out;
    }

  private:
    Choices<ProjectExtractor> choices_;
};

class RoutersInTurn final : public Router {
  public:
    explicit RoutersInTurn(Choices<Router> choices) : choices_(std::move(choices)) {}
    Task<RoutePlan> route(const Question& question, const ProjectScope& scope,
                          CallContext& call) override {
        RoutePlan out;
        auto ask = [&](Router& one) -> Task<void> {
            out = co_await one.route(question, scope, call);
        };
        co_await ask_each(choices_, "router", call, ask, kAlways);
        co_return out;
    }

  private:
    Choices<Router> choices_;
};

class SqlWritersInTurn final : public SqlWriter {
  public:
    explicit SqlWritersInTurn(Choices<SqlWriter> choices) : choices_(std::move(choices)) {}
    Task<SqlQuery> write(const SqlRequest& request, CallContext& call) override {
        SqlQuery out;
        auto ask = [&](SqlWriter& one) -> Task<void> { out = co_await one.write(request, call); };
        co_await ask_each(choices_, "sql_writer", call, ask, kAlways);
        co_return out;
    }

  private:
    Choices<SqlWriter> choices_;
};

class MergersInTurn final : public Merger {
  public:
    explicit MergersInTurn(Choices<Merger> choices) : choices_(std::move(choices)) {}
    Task<MergedFindings> merge(const MergeRequest& request, CallContext& call) override {
        MergedFindings out;
        auto ask = [&](Merger& one) -> Task<void> { out = co_await one.merge(request, call); };
        co_await ask_each(choices_, "merger", call, ask, kAlways);
        co_return out;
    }

  private:
    Choices<Merger> choices_;
};

class RespondersInTurn final : public Responder {
  public:
    explicit RespondersInTurn(Choices<Responder> choices) : choices_(std::move(choices)) {}
    Task<void> respond(const AnswerRequest& request, const TextSink& sink,
                       CallContext& call) override {
        bool said = false;
        const TextSink noted = [&](std::string_view piece) {
            said = true;
            sink(piece);
        };
        auto ask = [&](Responder& one) -> Task<void> {
            co_await one.respond(request, noted, call);
        };
        auto open = [&said] { return !said; };
        co_await ask_each(choices_, "responder", call, ask, open);
    }

  private:
    Choices<Responder> choices_;
};

template <typename Chain, typename Service>
std::unique_ptr<Service> chained(Choices<Service> choices) {
    if (choices.size() == 1) {
        return std::move(choices.front().service);
    }
    return std::make_unique<Chain>(std::move(choices));
}

} // namespace

std::unique_ptr<ProjectExtractor> in_turn(Choices<ProjectExtractor> choices) {
    return chained<ExtractorsInTurn>(std::move(choices));
}

std::unique_ptr<Router> in_turn(Choices<Router> choices) {
    return chained<RoutersInTurn>(std::move(choices));
}

std::unique_ptr<SqlWriter> in_turn(Choices<SqlWriter> choices) {
    return chained<SqlWritersInTurn>(std::move(choices));
}

std::unique_ptr<Merger> in_turn(Choices<Merger> choices) {
    return chained<MergersInTurn>(std::move(choices));
}

std::unique_ptr<Responder> in_turn(Choices<Responder> choices) {
    return chained<RespondersInTurn>(std::move(choices));
}

} // namespace mr

// Phase 5: the answer, streamed. What goes wrong here is said in the answer itself.
#include "worker/metrics/meters.h"
#include "worker/pipeline/concurrency.h"
#include "worker/pipeline/phase_events.h"
#include "worker/pipeline/phases.h"

#include <utility>

namespace mr {
namespace {

constexpr std::string_view kIssue = "I encountered an issue: ";
constexpr std::string_view kNothingToSay = "I could not find an answer to this question.";
constexpr size_t kMaxAnswerBytes = 8 * 1024 * 1024; // the host keeps it until the turn has ended

void say(TurnRun& run, std::string_view piece) {
    if (piece.empty()) {
        return;
    }
    if (run.answer_bytes == 0) {
        run.first_token_ms = run.elapsed_ms();
    }
    run.answer_bytes += piece.size();
    run.host.text(piece);
}

void say_issue(TurnRun& run, std::string_view what) {
    run.status = run.answer_bytes == 0 ? TurnStatus::error : TurnStatus::partial;
    std::string text = run.answer_bytes == 0 ? "" : "\n\n";
    text += kIssue;
    text += what;
    say(run, text);
}

Task<void> stream_answer(TurnRun& run, const std::string& delivered, CallContext& call) {
    const AnswerRequest request{run.question,       run.state.scope,  run.state.plan,
                                run.state.findings, run.state.merged, run.sources,
                                delivered};
    const TextSink sink = [&run](std::string_view piece) {
        if (run.answer_bytes + piece.size() > kMaxAnswerBytes) {
            throw ProviderError(ProviderFault::bad_reply, "the answer is longer than 8 MiB");
        }
        say(run, piece);
    };
    co_await run.services.responder->respond(request, sink, call);
}

} // namespace

Task<void> respond(TurnRun& run) {
    const auto started_ms = run.elapsed_ms();
    const std::string delivered(run.host.delivered_text());
    if (delivered.empty()) {
        emit_phase_start(run, kPhaseRespond);
    }
    run.answer_bytes = delivered.size();
    CallContext call = run.call(run.services.limits.response_timeout, kPhaseRespond.name);
    call.wait_room = [&run] { return run.host.wait_room(); };
    call.has_room = [&run] { return run.host.has_room(); };
    std::string issue;
    try {
        co_await run_until(stream_answer(run, delivered, call), call.deadline);
    } catch (const ProviderError& error) {
        issue = error.what();
    } catch (const std::exception& error) {
        rethrow_cancellation();
        run.diagnose("response", error.what());
        issue = "the answer could not be written";
    }
    if (!issue.empty()) {
        say_issue(run, issue);
    } else if (run.answer_bytes == 0) {
        say(run, kNothingToSay);
    }
    run.add_usage(call);
    const std::int64_t took_ms = run.elapsed_ms() - started_ms;
    run.state.phase_ms[std::string(kPhaseRespond.name)] = took_ms;
    metrics::phase_ended(kPhaseRespond.name, turn_status_name(run.status),
                         static_cast<double>(took_ms) / 1000);
}

} // namespace mr

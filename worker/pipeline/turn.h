// One question from start to answer: the five phases. It emits their events, the tools' events,
// `sources`, `chart`, `usage` and the text through the TurnHost.
//
// Not emitted here, but by the app that runs the turn: turn_start, queued, attempt, cancelled,
// error, and the terminal response_complete (after at least one non-empty piece of text), which
// takes sources, timings, usage and status from the TurnResult.
//
// Errors thrown by run_turn:
// - TurnError: a phase failed; code and message are safe for the `error` event. The app adds the
//   text_chunk and the terminal event.
// - boost::system::system_error(operation_aborted): the turn was cancelled through Asio
//   cancellation (terminal). Tools that were running have got their tool_complete ("cancelled");
//   nothing else is emitted after the cancellation.
// - whatever TurnHost::checkpoint throws (this worker has lost the session), unchanged.
// A failure while the answer is being written is not thrown: its text becomes part of the answer
// ("I encountered an issue: ...") and the status tells.
//
// Resume: the state of the last checkpoint goes into TurnRequest::resume_state. Finished phases and
// tools are neither run nor announced again; the answer goes on behind TurnHost::delivered_text().
#pragma once

#include "shared/error_code.h"
#include "worker/pipeline/host.h"
#include "worker/pipeline/services.h"
#include "worker/providers/types.h"

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mr {

struct TurnRequest {
    std::string turn_id;
    std::string message;                 // not blank
    nlohmann::json context;              // of the client's message, null when absent
    std::vector<HistoryMessage> history; // oldest first, without `message`
    std::string traceparent;
    nlohmann::json resume_state; // null at the first attempt
    SteadyTime deadline;         // end of the turn's budget
};

enum class TurnStatus : unsigned char {
    ok,
    partial, // the answer broke off after some text
    error,   // the answer could not be written; the text says so
};

std::string_view turn_status_name(TurnStatus status) noexcept; // as in response_complete.status

struct TurnResult {
    TurnStatus status = TurnStatus::ok;
    nlohmann::ordered_json sources; // array of {id,title,url,snippet}: field of response_complete
    // {"phases":{name:ms},"tools":{tool:ms},"first_token_ms":n,"total_ms":n}; the app puts its
    // queue_ms in front. first_token_ms and total_ms count from the start of this attempt;
    // first_token_ms is absent when an earlier owner delivered the first text.
    nlohmann::ordered_json timings;
    nlohmann::ordered_json usage; // {"input_tokens","output_tokens",...} summed; null when none
    // Give it back as HistoryMessage::memory of the assistant's message. Bounded (kMaxMemoryBytes).
    nlohmann::json memory;
};

inline constexpr std::size_t kMaxMemoryBytes = 16 * 1024;

class TurnError : public std::runtime_error {
  public:
    TurnError(ErrorCode code, const std::string& safe_message)
        : std::runtime_error(safe_message), code_(code) {}
    ErrorCode code() const noexcept { return code_; }

  private:
    ErrorCode code_;
};

// The request is moved into the coroutine; services and host outlive it.
boost::asio::awaitable<TurnResult> run_turn(TurnRequest request, Services& services,
                                            TurnHost& host);

} // namespace mr

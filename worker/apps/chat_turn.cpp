#include "worker/apps/chat_turn.h"

#include "shared/guard.h"
#include "worker/apps/event_text.h"
#include "worker/apps/http_reply.h"
#include "worker/log.h"
#include "worker/metrics/meters.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <utility>

namespace mr {

namespace asio = boost::asio;
using nlohmann::ordered_json;
using std::chrono::milliseconds;

std::string_view cancel_name(CancelBy by) {
    switch (by) {
    case CancelBy::disconnect:
        return "disconnect";
    case CancelBy::superseded:
        return "superseded";
    case CancelBy::user:
    case CancelBy::none:
        break;
    }
    return "user";
}

// Outlives the ChatTurn's interest: the completion handler holds it too.
struct ChatTurn::Child {
    explicit Child(const asio::any_io_executor& executor) : ended(executor) {}

    asio::cancellation_signal cancellation;
    Signal ended;
    bool done = false;
    std::exception_ptr failure;
    TurnResult result;
};

ChatTurn::ChatTurn(OwnedSession& session, const TurnFunction& function, History& history,
                   TurnRecord record, Consumed consumed, Origin origin)
    : session_(session), function_(function), record_(std::move(record)),
      consumed_(std::move(consumed)), origin_(origin),
      host_(std::make_shared<SessionTurnHost>(session, record_)), history_(history),
      past_known_(origin == Origin::asked), started_(std::chrono::steady_clock::now()) {}

void ChatTurn::cancel(CancelBy by) {
    if (cancelled_by_ == CancelBy::none) {
        cancelled_by_ = by;
        if (child_) {
            child_->ended.notify();
        }
        if (watcher_ != nullptr && !over_) {
            watcher_->turn_stopped();
        }
    }
}

void ChatTurn::watch(TurnWatcher* watcher) {
    watcher_ = watcher;
    host_->watch(watcher);
}

bool ChatTurn::add_asker(uint64_t connection) {
    if (record_.askers.size() >= kMaxAskers) {
        return false;
    }
    record_.askers.push_back(connection);
    return true;
}

void ChatTurn::abandon(uint64_t connection) {
    if (std::erase(record_.askers, connection) != 0 && record_.askers.empty()) {
        cancel(CancelBy::disconnect);
    }
}

void ChatTurn::stop() {
    stopping_ = true;
    host_->mute();
    if (child_) {
        child_->ended.notify();
    }
}

asio::awaitable<void> ChatTurn::run() {
    std::exception_ptr failure;
    try {
        co_await live();
    } catch (...) {
        failure = std::current_exception();
    }
    co_await end_child();
    if (failure) {
        std::rethrow_exception(failure);
    }
}

// The pipeline refers to this turn: nobody leaves before it.
asio::awaitable<void> ChatTurn::end_child() {
    if (child_ && !child_->done) {
        host_->mute();
        child_->cancellation.emit(asio::cancellation_type::terminal);
    }
    while (child_ && !child_->done) {
        co_await child_->ended.wait();
    }
}

asio::awaitable<void> ChatTurn::live() {
    const metrics::RunningTurn running;
    if (origin_ == Origin::taken_over) {
        const bool goes_on = co_await take_over();
        if (!goes_on) {
            co_return;
        }
    } else {
        co_await begin();
    }
    Ending ending;
    if (exhausted_ && cancelled_by_ == CancelBy::none) {
        ending.status = "error";
        ending.error = ErrorCode::attempts_exhausted;
    } else {
        ending = co_await answer();
    }
    if (!stopping_) {
        co_await finish(ending);
    }
}

asio::awaitable<void> ChatTurn::begin() {
    metrics::meters().turn_wait.at({}).observe(static_cast<double>(record_.queue_ms) / 1000);
    co_await save_record();
    announce_start();
}

// The first checkpoint of this owner.
asio::awaitable<void> ChatTurn::save_record() {
    Save save;
    save.checkpoint = host_->record_text();
    save.consumed = consumed_;
    save.message_ids = message_ids ? message_ids() : "";
    co_await session_.store.save(std::move(save));
}

void ChatTurn::announce_start() {
    ordered_json v1;
    v1["type"] = "turn_start";
    ordered_json added;
    if (!record_.message_id.empty()) {
        added["message_id"] = record_.message_id;
    }
    added["attempt"] = record_.attempt;
    added["queue_ms"] = record_.queue_ms;
    added["question"] = record_.message;
    host_->announce(v1, added, Audience::v2_only);
}

std::string ChatTurn::whole_record() const {
    TurnRecord whole = record_;
    whole.view = host_->view().snapshot();
    return format_record(whole);
}

// True: the log does not hold the turn from its beginning, Redis has lost its data meanwhile. What
// clients were told is then taken from the record, its text as far as the log goes on, if it does;
// a record without it begins the turn anew.
bool ChatTurn::restore_told(PastTurn& past) {
    const bool told_nothing = !past.any && record_.state.empty() && record_.view.is_null();
    if (past.whole || told_nothing) {
        return false;
    }
    if (record_.view.is_null()) {
        record_.state.clear();
    }
    past.view = TurnView::restored(record_.view, past.text_end);
    log::warn("the log of a running turn is gone or has a hole, its clients are told anew",
              {{"session", session_.store.session_id()}, {"turn", record_.turn_id}});
    return true;
}

// False: the turn had ended already, only its traces were left.
asio::awaitable<bool> ChatTurn::take_over() {
    PastTurn past = co_await read_past_turn(session_, record_);
    const bool tell_anew = !past.ended && restore_told(past);
    record_.view = nullptr;
    const std::string status = past.status;
    const bool announced = past.announced;
    const bool ended = past.ended;
    const bool answered = past.answered;
    host_->resume(std::move(past.view));
    past_speech_ = std::move(past.speech);
    past_known_ = true;
    if (on_past_known) {
        on_past_known();
    }
    if (ended) {
        if (!answered) {
            reply_from(host_->view(), status);
        }
        co_await remember(status, nullptr);
        co_return false;
    }
    ++record_.attempt;
    metrics::meters().turns_taken_over.at({}).add();
    co_await save_record();
    log::info("turn taken over", {{"session", session_.store.session_id()},
                                  {"turn", record_.turn_id},
                                  {"attempt", record_.attempt},
                                  {"delivered_bytes", host_->view().text().size()}});
    if (!announced) {
        announce_start();
    }
    ordered_json v1;
    v1["type"] = "attempt";
    ordered_json added;
    added["attempt"] = record_.attempt;
    added["prev"] = format_event_id(session_.claim.prev).view();
    host_->announce(v1, added, Audience::v2_only);
    if (tell_anew) {
        host_->announce_snapshot();
    }
    // Clients that have seen more than the log has kept are put right by it.
    host_->write_snapshot("");
    co_return true;
}

asio::awaitable<TurnRequest> ChatTurn::make_request() {
    TurnRequest request;
    request.turn_id = record_.turn_id;
    request.message = record_.message;
    request.context = record_.context;
    request.traceparent = record_.traceparent;
    if (!record_.state.empty() && !removed(Guard::checkpoint)) {
        request.resume_state = nlohmann::json::parse(record_.state, nullptr, false);
    }
    const milliseconds spent(std::max<int64_t>(0, wall_clock_ms() - record_.started_ms));
    const milliseconds left =
        std::max<milliseconds>(session_.relay.limits.turn_budget - spent,
                               origin_ == Origin::taken_over ? kLeastBudget : milliseconds(1));
    request.deadline = started_ + left;
    std::vector<HistoryEntry> entries;
    if (record_.replaces.empty()) {
        entries = co_await history_.said();
    } else { // which may be any of them
        entries = co_await history_.load();
    }
    for (HistoryEntry& entry : entries) {
        if (!record_.replaces.empty() && entry.turn_id == record_.replaces) {
            break;
        }
        if (entry.status != "error") {
            request.history.push_back(
                {std::move(entry.role), std::move(entry.content), std::move(entry.memory)});
        }
    }
    if (entries.empty() && record_.history.is_array()) {
        for (const nlohmann::json& said : record_.history) {
            request.history.push_back({said.value("role", ""), said.value("content", ""), nullptr});
        }
    }
    co_return request;
}

asio::awaitable<ChatTurn::Ending> ChatTurn::answer() {
    const std::optional<SteadyTime> deadline = co_await start_child();
    Ending ending;
    if (deadline) {
        co_await await_child(child_, *deadline + kBudgetGrace);
        ending = co_await wind_down(child_);
    } else {
        ending.status = "cancelled";
    }
    co_return ending;
}

// The end of its time; null: it was cancelled before it began. Apart from answer(), in whose frame
// the request would lie as long as the turn runs.
asio::awaitable<std::optional<SteadyTime>> ChatTurn::start_child() {
    TurnRequest request = co_await make_request();
    if (cancelled_by_ != CancelBy::none || stopping_) {
        co_return std::nullopt;
    }
    const SteadyTime deadline = request.deadline;
    child_ = std::make_shared<Child>(session_.relay.executor);
    auto handler = [child = child_](std::exception_ptr failure, TurnResult result) {
        child->done = true;
        child->failure = std::move(failure);
        child->result = std::move(result);
        child->ended.notify();
    };
    asio::co_spawn(session_.relay.executor, function_(std::move(request), *host_),
                   asio::bind_cancellation_slot(child_->cancellation.slot(), handler));
    co_return deadline;
}

// Until the pipeline has ended or must end.
asio::awaitable<void> ChatTurn::await_child(std::shared_ptr<Child> child, SteadyTime deadline) {
    while (!child->done && cancelled_by_ == CancelBy::none && !stopping_) {
        const auto left = deadline - std::chrono::steady_clock::now();
        if (left <= SteadyTime::duration::zero()) {
            co_return;
        }
        co_await child->ended.wait_for(left);
    }
}

// Cancels what still runs. The pipeline gets a moment to end its tools properly; after that it is
// muted, the client hears of the end at once, and only the next turn waits for it (end_child).
asio::awaitable<ChatTurn::Ending> ChatTurn::wind_down(std::shared_ptr<Child> child) {
    if (child->done) {
        co_return ending_of(*child);
    }
    child->cancellation.emit(asio::cancellation_type::terminal);
    const auto end = std::chrono::steady_clock::now() + kWindDown;
    while (!child->done && !stopping_) {
        const auto left = end - std::chrono::steady_clock::now();
        if (left <= SteadyTime::duration::zero()) {
            break;
        }
        co_await child->ended.wait_for(left);
    }
    host_->mute();
    Ending ending;
    if (cancelled_by_ != CancelBy::none) {
        ending.status = "cancelled";
    } else {
        ending.status = "error";
        ending.error = ErrorCode::turn_timeout;
    }
    co_return ending;
}

ChatTurn::Ending ChatTurn::ending_of(Child& child) {
    Ending ending;
    if (cancelled_by_ != CancelBy::none) {
        ending.status = "cancelled";
        return ending;
    }
    if (!child.failure) {
        ending.result = std::move(child.result);
        ending.status = turn_status_name(ending.result.status);
        return ending;
    }
    ending.status = "error";
    ending.error = ErrorCode::turn_failed;
    try {
        std::rethrow_exception(child.failure);
    } catch (const TurnError& error) {
        ending.error = error.code();
        ending.error_message = error.what();
    } catch (const SessionLost&) {
        throw;
    } catch (const std::exception& error) {
        log::error("turn failed", {{"session", session_.store.session_id()},
                                   {"turn", record_.turn_id},
                                   {"trace_id", record_.trace_id},
                                   {"cause", error.what()}});
    }
    return ending;
}

} // namespace mr

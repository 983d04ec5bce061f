#include "worker/apps/chat_session.h"

#include "worker/apps/event_text.h"
#include "worker/log.h"
#include "worker/session/mail_batch.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

namespace mr {

namespace asio = boost::asio;
using nlohmann::ordered_json;

ChatSession::ChatSession(OwnedSession& session, const TurnFunction& function,
                         const VoiceServices* voice)
    : session_(session), function_(function), voice_services_(voice),
      ids_(session.relay, session.store), history_(session.relay, session.store),
      detached_(session, [this] { detached_too_long(); }), runner_ended_(session.relay.executor),
      exhausted_(session.claim.status == ClaimStatus::poisoned) {}

ChatSession::~ChatSession() = default;

// --- mail -------------------------------------------------------------------------------------

// The turn is there before any mail is looked at: a cancel that its last owner did not live to see
// is the first thing this one hears of.
void ChatSession::start() {
    if (session_.claim.checkpoint.empty()) {
        return;
    }
    std::optional<TurnRecord> record = parse_record(session_.claim.checkpoint);
    unreadable_ = !record;
    if (record) {
        make_turn(std::move(*record), Consumed(), ChatTurn::Origin::taken_over);
    }
    start_runner();
}

void ChatSession::mail(MailItem item) {
    if (item.first_of_mail()) {
        rate_.take(MailRate::Clock::now());
    }
    beside_ = beside_ || turn_ != nullptr;
    if (voice_) {
        voice_->mail_came(item);
    }
    switch (item.kind) {
    case MailKind::text:
    case MailKind::http:
        client_message(std::move(item));
        return;
    case MailKind::binary:
        binary(item);
        return;
    case MailKind::detach:
        detach(std::move(item));
        return;
    case MailKind::abandon:
        abandon(item);
        return;
    case MailKind::attach:
        session_.consume(item);
        detached_.settle();
        return;
    case MailKind::batch: // came as its frames
    case MailKind::credit:
        break;
    }
    session_.consume(item); // of a newer gateway
}

void ChatSession::client_message(MailItem item) {
    auto parsed = parse_client_message(item.payload, session_.relay.limits.max_message_bytes);
    if (const auto* error = std::get_if<ClientError>(&parsed)) {
        refuse_message(item, *error);
        return;
    }
    ClientMessage message = std::move(std::get<ClientMessage>(parsed));
    const bool question =
        message.kind == ClientMessage::Kind::ask || message.kind == ClientMessage::Kind::regenerate;
    if (wants_answer(item) && !question) {
        refuse(item, ErrorCode::unsupported_type, message.message_id);
        return;
    }
    switch (message.kind) {
    case ClientMessage::Kind::cancel:
        cancel(item, message);
        return;
    case ClientMessage::Kind::voice:
        unsettled_ = true;
        voice_message(std::move(message.voice), item);
        return;
    case ClientMessage::Kind::ping: {
        ordered_json v1;
        v1["type"] = "pong";
        ordered_json added;
        added["t"] = message.ping_time;
        reply(std::move(v1), added, true);
        session_.consume(item);
        return;
    }
    case ClientMessage::Kind::ask:
    case ClientMessage::Kind::regenerate:
    case ClientMessage::Kind::feedback:
        ask(std::move(item), std::move(message));
    }
}

void ChatSession::ask(MailItem item, ClientMessage message) {
    const bool waits = wants_answer(item);
    if (taken_already(item) || (asked_already(message.message_id) && !waits)) {
        session_.consume(item);
        return;
    }
    if (asked_already(message.message_id) && !just_answered(message.message_id)) {
        join(item, message.message_id);
        return;
    }
    item.payload.clear();
    item.payload.shrink_to_fit();
    const bool question = message.kind != ClientMessage::Kind::feedback;
    const bool in_front = question && message.on_busy == OnBusy::cancel && !quiet();
    if (question && !quiet() && !in_front) {
        if (message.on_busy == OnBusy::reject ||
            jobs_.size() >= session_.relay.limits.max_queued_questions) {
            refuse(item, ErrorCode::busy, message.message_id);
            return;
        }
    }
    auto job = std::make_shared<Job>();
    job->mail = std::move(item);
    job->message = std::move(message);
    job->since = std::chrono::steady_clock::now();
    if (wants_answer(job->mail)) {
        job->askers.push_back(job->mail.connection);
    }
    if (in_front) {
        if (turn_) {
            turn_->cancel(CancelBy::superseded);
        }
        for (const JobPointer& waiting : jobs_) {
            waiting->cancelled = CancelBy::superseded; // each still gets its terminal event
        }
    }
    jobs_.push_back(std::move(job));
    start_runner();
}

// In another place of the lane, after Redis had forgotten that it was stored.
bool ChatSession::taken_already(const MailItem& item) const {
    const std::string name = item.name();
    const auto same = [&name](const JobPointer& job) { return job->mail.name() == name; };
    return name == asking_mail_ || std::any_of(jobs_.begin(), jobs_.end(), same);
}

// Sent again while the first one waits or runs. Finished ones are found by RememberedIds.
bool ChatSession::asked_already(const std::string& message_id) const {
    const auto same = [&message_id](const JobPointer& job) {
        return job->message.message_id == message_id;
    };
    return !message_id.empty() && ((turn_ && turn_->record().message_id == message_id) ||
                                   std::any_of(jobs_.begin(), jobs_.end(), same));
}

// --- clients that come and go -----------------------------------------------------------------

void ChatSession::detach(MailItem item) {
    if (quiet()) {
        session_.consume(item);
    } else {
        detached_.detached(std::move(item));
    }
}

// Nobody came back: whatever runs and waits is cancelled, each with its terminal event.
void ChatSession::detached_too_long() {
    log::info("nobody came back, turn cancelled", {{"session", session_.store.session_id()}});
    for (const JobPointer& job : jobs_) {
        job->cancelled = CancelBy::disconnect;
    }
    if (turn_) {
        turn_->cancel(CancelBy::disconnect);
    }
}

// --- turns ------------------------------------------------------------------------------------

void ChatSession::start_runner() {
    if (running_ || stopping_) {
        return;
    }
    running_ = true;
    asio::co_spawn(session_.relay.executor, [this] { return run_jobs(); }, asio::detached);
}

// The App outlives it: stop() waits for its end, and the session is not given up before.
asio::awaitable<void> ChatSession::run_jobs() {
    try {
        if (std::exchange(unreadable_, false)) {
            co_await drop_checkpoint();
        }
        if (turn_) {
            co_await resume_turn();
        }
        while (!jobs_.empty() && !stopping_) {
            co_await run_job(jobs_.front());
        }
    } catch (const std::exception& error) {
        lost_ = checkpoint();
        if (!stopping_) {
            log::warn("turn given up",
                      {{"session", session_.store.session_id()}, {"cause", error.what()}});
            session_.abandon();
        }
    }
    turn_.reset();
    running_ = false;
    if (!stopping_) {
        detached_.settle();
    }
    runner_ended_.notify();
    session_.wake();
}

asio::awaitable<void> ChatSession::drop_checkpoint() {
    log::error("unreadable checkpoint dropped", {{"session", session_.store.session_id()}});
    Save dropped;
    co_await session_.store.save(std::move(dropped));
}

asio::awaitable<void> ChatSession::resume_turn() {
    const std::string message_id = turn_->record().message_id;
    if (!message_id.empty()) {
        co_await ids_.find(message_id); // load them before adding to them
    }
    co_await run_turn();
}

// Which it forgets.
asio::awaitable<void> ChatSession::run_job(JobPointer job) {
    if (job->message.kind == ClientMessage::Kind::feedback) {
        co_await feedback(job);
        forget(job);
        co_return;
    }
    if (job->message.kind == ClientMessage::Kind::voice) {
        co_await forget_unheard(job);
        forget(job);
        co_return;
    }
    if (!job->message.message_id.empty()) {
        const auto turn = co_await ids_.find(job->message.message_id);
        if (turn) {
            session_.consume(job->mail); // asked and answered before
            co_await repeat(job, *turn);
            forget(job);
            settle_cancels(*job);
            unsettled_ = true;
            co_return;
        }
    }
    if (job->message.kind == ClientMessage::Kind::regenerate) {
        const bool found = co_await find_replaced(job);
        if (!found) {
            refuse(job->mail, ErrorCode::bad_request, job->message.message_id);
            forget(job);
            settle_cancels(*job);
            co_return;
        }
    }
    if (stopping_) {
        forget(job);
    } else {
        begin_question(std::move(job));
        co_await run_turn();
    }
}

// No coroutine, and not inlined into one: what it needs would lie in the frame as long as the turn
// runs.
[[gnu::noinline]] void ChatSession::begin_question(JobPointer job) {
    Consumed consumed;
    settle_mail(job->mail, consumed);
    make_turn(make_record(*job), std::move(consumed), ChatTurn::Origin::asked);
    forget(job);
    for (const auto& [item, message] : job->cancels) {
        turn_->consume_at_end(item);
    }
    if (job->cancelled != CancelBy::none) {
        turn_->cancel(job->cancelled);
    }
}

void ChatSession::make_turn(TurnRecord turn_record, Consumed consumed, ChatTurn::Origin origin) {
    turn_ = std::make_unique<ChatTurn>(session_, function_, history_, std::move(turn_record),
                                       std::move(consumed), origin);
    asking_mail_ = turn_->record().mail;
    turn_->message_ids = [this] {
        const TurnRecord& record = turn_->record();
        return record.message_id.empty() ? std::string()
                                         : ids_.with(record.message_id, record.turn_id);
    };
    turn_->on_past_known = [this] { past_known(); };
    if (std::exchange(exhausted_, false)) {
        turn_->give_up();
    }
}

asio::awaitable<void> ChatSession::run_turn() {
    beside_ = false;
    const EventId before = session_.lane->last_id();
    if (voice_) {
        voice_->turn_begins(*turn_);
    }
    co_await turn_->run();
    for (const MailItem& item : turn_->left_over()) {
        session_.consume(item);
    }
    turn_.reset();
    unsettled_ = beside_ || session_.lane->last_id() == before;
}

TurnRecord ChatSession::make_record(const Job& job) const {
    TurnRecord record = new_record(job.mail.traceparent);
    record.message = job.message.message;
    record.context = job.message.context;
    record.history = job.message.history;
    record.mail = job.mail.name();
    record.askers = job.askers;
    record.message_id = job.message.message_id;
    if (job.message.kind == ClientMessage::Kind::regenerate) {
        record.replaces = job.message.turn_id;
    }
    const EventId last = session_.lane->last_id(); // the takeover record is no event
    record.before = last.seq == 0 ? session_.claim.prev : last;
    const auto waited = std::chrono::steady_clock::now() - job.since;
    record.queue_ms = std::chrono::duration_cast<std::chrono::milliseconds>(waited).count();
    const bool first = last.seq == 0 && session_.claim.attempt == 1;
    if (first && session_.bell.rung_at_ms > 0) {
        record.queue_ms = std::max<int64_t>(0, record.started_ms - session_.bell.rung_at_ms);
    }
    return record;
}

asio::awaitable<void> ChatSession::stop() {
    stopping_ = true;
    detached_.stop();
    if (voice_) {
        voice_->stop();
    }
    if (turn_) {
        turn_->stop();
    }
    while (running_) {
        co_await runner_ended_.wait();
    }
}

std::string ChatSession::checkpoint() const {
    return turn_ ? turn_->whole_record() : lost_;
}

} // namespace mr

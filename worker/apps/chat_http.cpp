// HTTP requests that wait for the answer of a chat session as one object: several for one question,
// such as ask again for an answered one, such as go away.
#include "worker/apps/chat_session.h"
#include "worker/apps/event_text.h"
#include "worker/json_text.h"

#include <algorithm>

namespace mr {

namespace asio = boost::asio;
using nlohmann::ordered_json;

bool wants_answer(const MailItem& item) {
    return (item.flags & kMailAnswer) != 0;
}

// The answer is out, and about to be remembered: whoever asks for it now waits for that, as a job.
bool ChatSession::just_answered(const std::string& message_id) const {
    return turn_ && turn_->over() && turn_->record().message_id == message_id;
}

// The question runs or waits already. With a running one the mail stays in the lane until its end:
// an owner that takes it over then hears of this request, too.
void ChatSession::join(const MailItem& item, const std::string& message_id) {
    if (turn_ && turn_->record().message_id == message_id) {
        if (turn_->add_asker(item.connection)) {
            turn_->consume_at_end(item);
            return;
        }
    } else if (const JobPointer job = waiting_job(message_id);
               job && job->askers.size() < kMaxAskers) {
        job->askers.push_back(item.connection);
        session_.consume(item);
        return;
    }
    refuse(item, ErrorCode::busy, message_id);
}

// Nobody waits for the answer any more: what still runs or waits for it is cancelled.
void ChatSession::abandon(const MailItem& item) {
    if (turn_ && !turn_->over()) {
        turn_->abandon(item.connection);
    }
    for (const JobPointer& job : jobs_) {
        if (std::erase(job->askers, item.connection) != 0 && job->askers.empty()) {
            job->cancelled = CancelBy::disconnect;
        }
    }
    session_.consume(item);
    unsettled_ = true;
}

// Asked and answered before: as long as the answer is the newest one its snapshot is there.
asio::awaitable<void> ChatSession::repeat(JobPointer job, std::string turn_id) {
    if (job->askers.empty()) {
        co_return;
    }
    redis::Commands command;
    const KeyText& key = session_.store.keys().snapshot;
    const std::string_view get[] = {"GET", key.view()};
    command.add(get);
    redis::Value value;
    try {
        value = co_await session_.relay.commands->run(command);
    } catch (const redis::Error&) {
        value = redis::Value();
    }
    const std::optional<Snapshot> snapshot = decode_snapshot(as_bytes(value.text));
    ordered_json shown;
    if (snapshot) {
        shown = ordered_json::parse(snapshot->event, nullptr, false);
    }
    const bool whole = snapshot && (snapshot->flags & kSnapshotCut) == 0 && shown.is_object() &&
                       shown.value("turn_id", "") == turn_id;
    const std::string status = whole ? shown.value("status", "") : std::string();
    if (status.empty() || status == "error") {
        reply_with_error(*session_.lane, job->askers, ErrorCode::bad_request,
                         "This question has been answered before",
                         trace_id_of(job->mail.traceparent), kEventTerminal);
        co_return;
    }
    reply_with_turn(*session_.lane, job->askers, {session_.store.session_id(), turn_id, status},
                    shown);
}

} // namespace mr

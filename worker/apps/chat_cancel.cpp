// What a cancel means for a chat session, whatever it finds: a turn, a question that waits,
// nothing.
#include "worker/apps/chat_session.h"
#include "worker/apps/event_text.h"

namespace mr {

using nlohmann::ordered_json;

// Names a turn, a question that still waits, or (nothing named) what runs or comes first.
void ChatSession::cancel(const MailItem& item, const ClientMessage& message) {
    const bool any = message.turn_id.empty() && message.message_id.empty();
    if (turn_ && !turn_->over() &&
        (any || turn_->record().turn_id == message.turn_id ||
         (!message.message_id.empty() && turn_->record().message_id == message.message_id))) {
        turn_->consume_at_end(item);
        turn_->cancel(CancelBy::user);
        return;
    }
    if (any || !message.message_id.empty()) {
        const JobPointer job = waiting_job(message.message_id);
        if (job) {
            job->cancelled = CancelBy::user;
            job->cancels.emplace_back(item, message);
            return;
        }
    }
    acknowledge(item, message);
}

// Nothing runs or waits that it could mean.
void ChatSession::acknowledge(const MailItem& item, const ClientMessage& message) {
    ordered_json v1;
    v1["type"] = "cancelled";
    ordered_json added;
    added["by"] = "user";
    if (!message.turn_id.empty()) {
        added["turn_id"] = message.turn_id;
    }
    if (!message.message_id.empty()) {
        added["message_id"] = message.message_id;
    }
    reply(std::move(v1), added, true);
    session_.consume(item);
}

void ChatSession::settle_cancels(const Job& job) {
    for (const auto& [item, message] : job.cancels) {
        acknowledge(item, message);
    }
}

ChatSession::JobPointer ChatSession::waiting_job(const std::string& message_id) const {
    for (const JobPointer& job : jobs_) {
        const bool question = job->message.kind == ClientMessage::Kind::ask ||
                              job->message.kind == ClientMessage::Kind::regenerate;
        if (question && (message_id.empty() || job->message.message_id == message_id)) {
            return job;
        }
    }
    return nullptr;
}

} // namespace mr

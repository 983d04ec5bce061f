// Voice in a chat session: what the line needs of it, and what is about sound alone.
#include "worker/apps/chat_session.h"
#include "worker/apps/past_questions.h"

#include <utility>

namespace mr {

namespace asio = boost::asio;

VoiceLine& ChatSession::voice() {
    if (!voice_) {
        VoiceHost& host = *this;
        voice_ = std::make_unique<VoiceLine>(session_, voice_services_, host);
    }
    return *voice_;
}

void ChatSession::voice_message(VoiceMessage message, const MailItem& item) {
    if ((item.flags & kMailVoice) == 0) {
        refuse(item, ErrorCode::voice_unavailable, "", message.stream_id);
        return;
    }
    const bool back = message.kind == VoiceMessage::Kind::resume;
    voice().message(std::move(message), item);
    if (back && turn_ && !turn_->over()) {
        voice_->turn_begins(*turn_); // taken over, and nothing of the answer told yet
    }
}

void ChatSession::binary(const MailItem& item) {
    if (voice_services_ == nullptr || (item.flags & kMailVoice) == 0) {
        refuse(item, ErrorCode::unsupported_data, "");
        return;
    }
    unsettled_ = true;
    voice().audio_frame(as_bytes(item.payload), item);
    session_.consume(item);
}

void ChatSession::refuse_message(const MailItem& item, const ClientError& error) {
    if (!error.audio) {
        refuse(item, error.code, error.message_id, error.stream_id);
        return;
    }
    unsettled_ = true;
    voice().bad_audio(error.code, error.stream_id);
    session_.consume(item);
}

// What runs is stopped, and remembered as far as it was heard. What is over is cut in the history,
// when its turn among the jobs comes: nobody else writes there meanwhile.
void ChatSession::interrupt_turn(const std::string& turn_id, std::optional<size_t> heard_bytes,
                                 CancelBy by, const MailItem* mail) {
    if (turn_ && !turn_->over() && (turn_id.empty() || turn_->record().turn_id == turn_id)) {
        if (heard_bytes) {
            turn_->heard(*heard_bytes);
        }
        if (mail != nullptr) {
            turn_->consume_at_end(*mail);
        }
        turn_->cancel(by);
        return;
    }
    if (!heard_bytes || jobs_.size() >= 2 * session_.relay.limits.max_queued_questions) {
        if (mail != nullptr) {
            session_.consume(*mail);
        }
        return;
    }
    auto job = std::make_shared<Job>();
    if (mail != nullptr) {
        job->mail = *mail;
    }
    job->message.kind = ClientMessage::Kind::voice;
    job->message.turn_id = turn_id;
    job->heard_bytes = *heard_bytes;
    job->since = std::chrono::steady_clock::now();
    jobs_.push_back(std::move(job));
    start_runner();
}

asio::awaitable<void> ChatSession::forget_unheard(JobPointer job) {
    History history(session_.relay, session_.store);
    co_await cut_past_answer(history, job->message.turn_id, job->heard_bytes);
    if (job->mail.number != 0) {
        session_.consume(job->mail);
    }
    unsettled_ = true;
}

std::vector<std::string> ChatSession::message_ids() const {
    std::vector<std::string> ids;
    if (turn_) {
        ids.push_back(turn_->record().message_id);
    }
    for (const JobPointer& job : jobs_) {
        ids.push_back(job->message.message_id);
    }
    return ids;
}

} // namespace mr

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
    if (heard_bytes) {
        cut_later(turn_id, heard_bytes, {}, mail);
    } else if (mail != nullptr) {
        session_.consume(*mail);
    }
}

// Unless too many wait.
void ChatSession::cut_later(const std::string& turn_id, std::optional<size_t> heard_bytes,
                            VoiceMessage message, const MailItem* mail) {
    if (jobs_.size() >= 2 * session_.relay.limits.max_queued_questions) {
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
    job->message.voice = std::move(message);
    job->heard_bytes = heard_bytes;
    job->since = std::chrono::steady_clock::now();
    jobs_.push_back(std::move(job));
    start_runner();
}

// Of an earlier owner's turn the log knows what was heard.
void ChatSession::interrupt_past(const VoiceMessage& message, const MailItem& mail) {
    const bool running = turn_ && !turn_->over() &&
                         (message.turn_id.empty() || turn_->record().turn_id == message.turn_id);
    if (running && turn_->past_speech() == nullptr) {
        interrupts_.emplace_back(message, mail);
        return;
    }
    if (running) {
        const std::string& turn_id = turn_->record().turn_id;
        const auto heard =
            voice().interrupted_past(turn_id, *turn_->past_speech(), turn_->text(), message);
        interrupt_turn(turn_id, heard, CancelBy::user, &mail);
        return;
    }
    if (message.turn_id.empty()) {
        session_.consume(mail); // there is none
        voice().interrupted_past(message.turn_id, {}, {}, message);
        return;
    }
    for (const JobPointer& job : jobs_) {
        if (job->message.kind == ClientMessage::Kind::voice && !job->heard_bytes &&
            job->message.turn_id == message.turn_id) {
            if (message.played_ms) { // it knows better, and one answer is enough
                job->message.voice = message;
            }
            job->cancels.emplace_back(mail, ClientMessage());
            return;
        }
    }
    cut_later(message.turn_id, std::nullopt, message, &mail);
}

void ChatSession::past_known() {
    for (const auto& [message, mail] : std::exchange(interrupts_, {})) {
        interrupt_past(message, mail);
    }
    if (voice_) {
        voice_->turn_begins(*turn_); // the client may have come back already
    }
}

asio::awaitable<void> ChatSession::forget_unheard(JobPointer job) {
    if (!job->heard_bytes) {
        const auto next = looked_back_ + kLookBackEvery;
        if (const auto now = std::chrono::steady_clock::now(); now < next) {
            co_await sleep_for(next - now);
        }
        looked_back_ = std::chrono::steady_clock::now();
        TurnRecord record;
        record.turn_id = job->message.turn_id;
        PastTurn past = co_await read_past_turn(session_, record);
        if (stopping_) {
            co_return;
        }
        job->heard_bytes = voice().interrupted_past(record.turn_id, std::move(past.speech),
                                                    past.view.text(), job->message.voice);
    }
    if (job->heard_bytes) {
        co_await cut_past_answer(history_, job->message.turn_id, *job->heard_bytes);
    }
    if (job->mail.number != 0) {
        session_.consume(job->mail);
    }
    for (const auto& [item, message] : job->cancels) {
        session_.consume(item);
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

// One owned session of the chat app: the queue of what clients asked for, the turn that runs, and
// what a disconnect means for it. See chat.h.
#pragma once

#include "worker/apps/chat_turn.h"
#include "worker/apps/client_message.h"
#include "worker/apps/detach_watch.h"
#include "worker/apps/http_reply.h"
#include "worker/apps/mail_rate.h"
#include "worker/apps/remembered_ids.h"
#include "worker/apps/voice_line.h"

#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mr {

// The whole log is read for an `interrupt` of a turn that neither runs nor was spoken here: no more
// often than this.
inline constexpr std::chrono::seconds kLookBackEvery{1};

// The mail of an HTTP request that waits for one object.
bool wants_answer(const MailItem& item);

class ChatSession final : public App, private VoiceHost {
  public:
    // `voice` null: there is none.
    ChatSession(OwnedSession& session, const TurnFunction& function, const VoiceServices* voice);
    ~ChatSession() override;

    void start() override;
    void mail(MailItem item) override;
    MailRate::Clock::duration mail_pause() override { return rate_.pause(MailRate::Clock::now()); }
    bool idle() const override { return quiet() && !(voice_ && voice_->busy()); }
    bool can_move() const override { return quiet() && voice_ && voice_->can_move(); }
    boost::asio::awaitable<void> stop() override;
    std::string checkpoint() const override;
    void settle() override;
    void restored() override { history_.forget(); }

  private:
    // Something that waits for its turn, with the mail that asked for it.
    struct Job {
        MailItem mail;
        ClientMessage message;
        std::chrono::steady_clock::time_point since;
        CancelBy cancelled = CancelBy::none; // before its turn began
        Askers askers;                       // HTTP requests that wait for it
        // The mail that did it, with what it said.
        std::vector<std::pair<MailItem, ClientMessage>> cancels;
        // Of the answer of message.turn_id, which was interrupted; null: it was not spoken here.
        std::optional<size_t> heard_bytes;
    };
    using JobPointer = std::shared_ptr<Job>;

    // chat_voice.cpp
    VoiceLine& voice();
    void voice_message(VoiceMessage message, const MailItem& item);
    void binary(const MailItem& item);
    bool quiet() const override { return !running_ && jobs_.empty(); }
    void interrupt_turn(const std::string& turn_id, std::optional<size_t> heard_bytes, CancelBy by,
                        const MailItem* mail) override;
    void interrupt_past(const VoiceMessage& message, const MailItem& mail) override;
    void cut_later(const std::string& turn_id, std::optional<size_t> heard_bytes,
                   VoiceMessage message, const MailItem* mail);
    void past_known();
    std::vector<std::string> message_ids() const override;
    boost::asio::awaitable<void> forget_unheard(JobPointer job);
    void refuse_message(const MailItem& item, const ClientError& error);

    void client_message(MailItem item);
    void ask(MailItem item, ClientMessage message);
    bool taken_already(const MailItem& item) const;
    bool asked_already(const std::string& message_id) const;
    bool just_answered(const std::string& message_id) const;
    void join(const MailItem& item, const std::string& message_id);
    void abandon(const MailItem& item);
    boost::asio::awaitable<void> repeat(JobPointer job, std::string turn_id);
    void cancel(const MailItem& item, const ClientMessage& message);
    void acknowledge(const MailItem& item, const ClientMessage& message);
    void settle_cancels(const Job& job);                         // of a job that yields no turn
    JobPointer waiting_job(const std::string& message_id) const; // empty: the first question
    void detach(MailItem item);
    void detached_too_long();

    void start_runner();
    boost::asio::awaitable<void> run_jobs();
    boost::asio::awaitable<void> drop_checkpoint();
    boost::asio::awaitable<void> resume_turn();
    boost::asio::awaitable<void> run_job(JobPointer job);
    void begin_question(JobPointer job);
    boost::asio::awaitable<void> run_turn();
    boost::asio::awaitable<bool> find_replaced(JobPointer job);
    boost::asio::awaitable<void> feedback(JobPointer job);
    void make_turn(TurnRecord record, Consumed consumed, ChatTurn::Origin origin);
    void forget(const JobPointer& job) { std::erase(jobs_, job); }
    TurnRecord make_record(const Job& job) const;

    void reply(nlohmann::ordered_json v1, const nlohmann::ordered_json& added, bool v2_only);
    void refuse(const MailItem& item, ErrorCode code, const std::string& message_id,
                const std::string& stream_id = {});

    OwnedSession& session_;
    const TurnFunction& function_;
    const VoiceServices* voice_services_;
    RememberedIds ids_;
    History history_;
    MailRate rate_{MailRate::Clock::now()};
    std::list<JobPointer> jobs_; // until their turn has begun
    std::unique_ptr<ChatTurn> turn_;
    std::unique_ptr<VoiceLine> voice_; // from the first message about sound on
    // Of the newest turn, this owner's or an earlier one's. Where Redis had forgotten a turn, the
    // question may be in the lane again beside the checkpoint that was put back.
    std::string asking_mail_;
    std::string lost_; // checkpoint of a turn that ended with the loss of the session
    // `interrupt` of a turn of which it is not known yet how it was spoken.
    std::vector<std::pair<VoiceMessage, MailItem>> interrupts_;
    std::chrono::steady_clock::time_point looked_back_{}; // see kLookBackEvery
    DetachWatch detached_;
    Signal runner_ended_;
    bool running_ = false;
    bool stopping_ = false;
    bool unreadable_ = false; // so is the claim's checkpoint
    bool exhausted_;          // too many owners have died of what comes first
    bool beside_ = false;     // mail came while a turn was running
    bool unsettled_ = true; // the newest event does not tell the gateway that nothing is in flight
};

} // namespace mr

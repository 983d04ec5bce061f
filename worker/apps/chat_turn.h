// The life of one turn: recorded, announced, run by the pipeline, ended by exactly one terminal
// event; or taken over from an earlier owner at any point of that. Errors, cancellation and the
// budget become events here. A session that is lost ends it without a word (SessionLost).
#pragma once

#include "worker/apps/past_turn.h"
#include "worker/apps/turn_host.h"
#include "worker/pipeline/turn.h"
#include "worker/session/history.h"

#include <boost/asio/cancellation_signal.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mr {

// How a question is answered: run_turn with its services, or a scripted one in tests.
using TurnFunction = std::function<boost::asio::awaitable<TurnResult>(TurnRequest, TurnHost&)>;

inline constexpr std::chrono::milliseconds kWindDown{250}; // for the pipeline to end its tools
inline constexpr std::chrono::seconds kLeastBudget{10};    // of an attempt
// Behind the budget: a pipeline ends by itself then, and keeps what it has. Without it, which of
// two timers fires first would decide whether an answer is kept.
inline constexpr std::chrono::seconds kBudgetGrace{1};

enum class CancelBy : uint8_t { none, user, disconnect, superseded };
std::string_view cancel_name(CancelBy by); // as in `cancelled`.by

class ChatTurn {
  public:
    enum class Origin : uint8_t { asked, taken_over };

    // `consumed` is the mail that asked for it, removed together with the first checkpoint.
    // `history` is the session's.
    ChatTurn(OwnedSession& session, const TurnFunction& function, History& history,
             TurnRecord record, Consumed consumed, Origin origin);
    ChatTurn(const ChatTurn&) = delete;
    ChatTurn& operator=(const ChatTurn&) = delete;
    ~ChatTurn() { host_->close(); }

    const TurnRecord& record() const { return record_; }
    // A further HTTP request waits for it. False: there are too many.
    bool add_asker(uint64_t connection);
    // An HTTP request that waited has gone. The last one takes the turn with it.
    void abandon(uint64_t connection);
    // The record with what clients were told so far: for a Redis that has lost both.
    std::string whole_record() const;
    // What the session remembers of message ids, this turn's included: saved with its checkpoint.
    std::function<std::string()> message_ids;

    // Until the terminal event is in the log, the history is written and the checkpoint cleared.
    // Throws SessionLost.
    boost::asio::awaitable<void> run();
    void cancel(CancelBy by);
    void stop(); // another owner goes on: no more events
    // Too many owners have tried: ends with an error instead of an answer.
    void give_up() { exhausted_ = true; }
    bool over() const { return over_; } // its terminal event is out
    bool cancelled() const { return cancelled_by_ != CancelBy::none; }
    // How earlier owners have spoken it; null: not known yet, `on_past_known` follows.
    const PastSpeech* past_speech() const { return past_known_ ? &past_speech_ : nullptr; }
    std::function<void()> on_past_known;
    const std::string& text() const { return host_->view().text(); } // that clients have
    // Told of the answer while it is written; outlives the turn, or is taken back with null.
    void watch(TurnWatcher* watcher);
    bool has_text() const { return host_->has_text(); }
    // Whoever asked has heard no more of the answer than this: no more of it is remembered.
    void heard(size_t bytes) { heard_bytes_ = bytes; }
    // Mail to be removed together with the checkpoint; what came too late for that is left over.
    void consume_at_end(MailItem item) { at_end_.push_back(std::move(item)); }
    const std::vector<MailItem>& left_over() const { return at_end_; }

  private:
    struct Ending {
        std::string status = "ok";
        TurnResult result;
        std::optional<ErrorCode> error;
        std::string error_message;
    };
    struct Child; // the running pipeline

    boost::asio::awaitable<void> live();
    boost::asio::awaitable<void> end_child();
    boost::asio::awaitable<void> begin();
    boost::asio::awaitable<void> save_record();
    boost::asio::awaitable<bool> take_over();
    bool restore_told(PastTurn& past);
    boost::asio::awaitable<TurnRequest> make_request();
    boost::asio::awaitable<Ending> answer();
    boost::asio::awaitable<std::optional<SteadyTime>> start_child();
    boost::asio::awaitable<void> await_child(std::shared_ptr<Child> child, SteadyTime deadline);
    boost::asio::awaitable<Ending> wind_down(std::shared_ptr<Child> child);
    Ending ending_of(Child& child);
    boost::asio::awaitable<void> finish(const Ending& ending);
    void announce_start();
    void end_events(const Ending& ending);
    void reply(const Ending& ending);
    void reply_from(const TurnView& view, std::string_view status);
    nlohmann::ordered_json completion(const Ending& ending) const;
    boost::asio::awaitable<void> remember(std::string_view status, const nlohmann::json& memory);

    OwnedSession& session_;
    const TurnFunction& function_;
    TurnRecord record_;
    Consumed consumed_;
    std::vector<MailItem> at_end_;
    Origin origin_;
    std::shared_ptr<SessionTurnHost> host_;
    History& history_;
    std::shared_ptr<Child> child_;
    CancelBy cancelled_by_ = CancelBy::none;
    TurnWatcher* watcher_ = nullptr;
    std::optional<size_t> heard_bytes_; // null: all
    bool stopping_ = false;
    bool exhausted_ = false;
    bool over_ = false;
    bool past_known_;
    PastSpeech past_speech_;
    std::chrono::steady_clock::time_point started_;
};

} // namespace mr

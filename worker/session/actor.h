// The owner of one session: claims it, hands its mail to the app one by one, removes what has been
// dealt with, and gives the session up when nothing is left to do. One coroutine per session; it
// ends on finish, on loss of the session, or when told to hand over.
#pragma once

#include "worker/apps/app.h"
#include "worker/async.h"
#include "worker/session/log_marks.h"

#include <memory>
#include <vector>

namespace mr {

inline constexpr size_t kMaxUnacknowledgedBytes = 4 * 1024 * 1024; // then mail waits
inline constexpr std::chrono::seconds kExpiryRefresh{60};
// A worker that is stopped asks so often whether a session can move: a client that falls silent is
// no event.
inline constexpr std::chrono::milliseconds kHurriedLook{200};

class Actor : public std::enable_shared_from_this<Actor> {
  public:
    enum class Stop : uint8_t {
        none,
        handover, // graceful: another worker shall go on
        broken,   // the log is damaged: the session is claimed anew
        gone,     // fenced, failed, or the lease has lapsed
    };

    static std::shared_ptr<Actor> make(Relay& relay, Doorbell bell, const AppFactory& factory);
    ~Actor();

    // Returns when the session is no longer ours. Never throws.
    boost::asio::awaitable<void> run();
    void request_stop(Stop stop);

    // Gives the session up as soon as it is idle: no lingering for mail that may come.
    void hurry();

    const Doorbell& bell() const { return bell_; }
    bool busy() const; // a turn runs

    std::vector<Doorbell> later; // rung meanwhile; to be answered when this actor has ended

  private:
    Actor(Relay& relay, Doorbell bell, const AppFactory& factory);

    boost::asio::awaitable<void> own();
    boost::asio::awaitable<void> attend();
    boost::asio::awaitable<bool> give_up();
    boost::asio::awaitable<void> leave();
    void open();
    void consume(const MailItem& item);
    void send_consumed();
    void consumption_answered(const Consumed& consumed, const redis::Answer& answer);
    void refresh_expiry();
    void trim_log(std::chrono::steady_clock::time_point now);
    void lane_lost();
    void restore();
    boost::asio::awaitable<void> repeat_save();

    Relay& relay_;
    Doorbell bell_;
    const AppFactory& factory_;
    SessionStore store_;
    Claim claim_;
    Signal signal_;
    std::shared_ptr<OutLane> lane_;
    std::shared_ptr<Mailbox> mailbox_;
    std::unique_ptr<OwnedSession> session_;
    std::unique_ptr<App> app_;
    Consumed consumed_;
    std::chrono::steady_clock::time_point refreshed_;
    LogMarks log_marks_; // one per refresh
    Stop stop_ = Stop::none;
    bool hurried_ = false;
};

} // namespace mr

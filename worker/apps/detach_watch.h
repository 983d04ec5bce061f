// What becomes of a turn that nobody follows: the gateway's `detach` mail starts a time, `attach`
// ends it, and when it has run out the listener is told. The mail stays in the in lane while its
// time runs, so that a new owner sees it as well.
//
// A gateway speaks for itself alone: its last connection of the session has gone, others may hold
// more. Whether any does is Redis's knowledge (subscribers of the session's out lane), and is asked
// when the time has run out, never before: the gateway that went is still being unsubscribed when
// its mail arrives. As long as somebody follows, the time starts over.
#pragma once

#include "worker/apps/app.h"

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace mr {

inline constexpr std::chrono::milliseconds kFollowersRetry{1000}; // Redis did not say
// A gateway whose last connection went this instant is no longer subscribed, and its mail is still
// on the way.
inline constexpr std::chrono::milliseconds kDetachOnTheWay{250};

class DetachWatch {
  public:
    // `expired` is called from the event loop, at most once per detach.
    DetachWatch(OwnedSession& session, std::function<void()> expired)
        : session_(session), expired_(std::move(expired)), timer_(session.relay.executor) {}

    void detached(MailItem item);
    // Somebody is there again, or there is nothing left to follow: the mail is consumed.
    void settle();
    // Another owner goes on: the mail stays.
    void stop();

  private:
    struct Round {             // of waiting and asking; ends with the next detach, settle or stop
        bool followed = false; // by the last answer
        bool twice = false;    // asked again after kDetachOnTheWay
        bool told = false;     // the log, that Redis does not say
    };

    void wait(std::chrono::milliseconds time);
    void ask();
    void answered(std::optional<int64_t> followers);

    OwnedSession& session_;
    std::function<void()> expired_;
    std::vector<MailItem> mail_;
    std::shared_ptr<Round> round_;
    boost::asio::steady_timer timer_;
};

} // namespace mr

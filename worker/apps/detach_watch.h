// What becomes of a turn that nobody follows: the gateway's `detach` mail starts a time, `attach`
// ends it, and when it has run out the listener is told. The mail stays in the in lane while its
// time runs, so that a new owner sees it as well.
#pragma once

#include "worker/apps/app.h"

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <vector>

namespace mr {

class DetachWatch {
  public:
    // `expired` is called from the event loop, at most once per detach.
    DetachWatch(OwnedSession& session, std::function<void()> expired)
        : session_(session), expired_(std::move(expired)), timer_(session.relay.executor) {}

    void detached(MailItem item);
    // Somebody is there again, or there is nothing left to follow: the mail is consumed.
    void settle();
    // Another owner goes on: the mail stays.
    void stop() { timer_.cancel(); }

  private:
    OwnedSession& session_;
    std::function<void()> expired_;
    std::vector<MailItem> mail_;
    boost::asio::steady_timer timer_;
};

} // namespace mr

// Whether anybody still follows a session that is being spoken to: asked of Redis (subscribers of
// the session's out lane) now and then, and told once when nobody has been there for two looks.
// What is spoken is lost to those who are away, and may have to be paid for.
#pragma once

#include "worker/apps/app.h"

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

namespace mr {

inline constexpr unsigned kLooksAlone = 2; // in a row: a page that is loaded anew is away for one

class ListenerWatch {
  public:
    ListenerWatch(OwnedSession& session, std::function<void()> alone)
        : session_(session), alone_(std::move(alone)), timer_(session.relay.executor) {}

    void start(std::chrono::milliseconds every); // anew, if it is running
    void stop();

  private:
    struct Round { // from start() to the next one, or to stop()
        std::chrono::milliseconds every{};
        unsigned alone = 0;
    };

    void wait();
    void look();

    OwnedSession& session_;
    std::function<void()> alone_;
    std::shared_ptr<Round> round_;
    boost::asio::steady_timer timer_;
};

} // namespace mr

// What a session's mail means. One App per owned session, for as long as this worker owns it. All
// calls come from the session's actor on the event loop; an App answers through the session's out
// lane and says for each mail when it has been dealt with. What must survive this process goes into
// checkpoints and consumed mail, never into members.
#pragma once

#include "worker/session/limits.h"
#include "worker/session/mailbox.h"
#include "worker/session/out_lane.h"
#include "worker/session/store.h"

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace mr {

// An owned session as its app sees it.
struct OwnedSession {
    Relay& relay;
    const Doorbell& bell;
    const Claim& claim;
    SessionStore& store;
    std::shared_ptr<OutLane> lane;

    // The mail needs no second look: removed from the in lane behind the events added so far.
    std::function<void(const MailItem&)> consume;
    // idle() may have changed.
    std::function<void()> wake;
    // The session cannot go on here (SessionLost was thrown by the store).
    std::function<void()> abandon;
};

class App {
  public:
    virtual ~App() = default;

    // First call: picks up the turn of an earlier owner, if the claim brings one.
    virtual void start() {}
    virtual void mail(MailItem item) = 0;
    // How long the next mail has to wait: the session's clients send faster than they may.
    virtual std::chrono::steady_clock::duration mail_pause() { return {}; }
    // Nothing runs: the session may be given up once its mailbox is empty.
    virtual bool idle() const = 0;
    // Not idle for the sake of a client alone that can go on elsewhere: a worker that is stopped
    // does not wait for it.
    virtual bool can_move() const { return false; }
    // Ends everything that runs, without a word to the client: another owner goes on.
    virtual boost::asio::awaitable<void> stop() = 0;
    // Nothing waits and the session is about to be given up: last words to the gateway.
    virtual void settle() {}
    // Redis was away and may have gone back in time: nothing read from it before is relied upon.
    virtual void restored() {}
    // How long the log is of use once the session is given up: to clients that resume or lag
    // behind.
    virtual std::chrono::milliseconds log_kept(const SessionLimits& limits) const {
        return limits.resume_window;
    }
    // Checkpoint of what runs, if anything does.
    virtual std::string checkpoint() const { return {}; }
};

using AppFactory = std::function<std::unique_ptr<App>(OwnedSession& session)>;

} // namespace mr

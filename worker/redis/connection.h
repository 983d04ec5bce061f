// Commands to Redis: pipelined in order, all of one loop turn in one write, each with a deadline.
// When the connection breaks, everything pending fails at once (its outcome is unknown) and new
// commands fail until it is back; whoever needs an answer asks again.
#pragma once

#include "worker/async.h"
#include "worker/redis/commands.h"
#include "worker/redis/link.h"

#include <deque>
#include <functional>
#include <vector>

namespace mr::redis {

// A deadline that is noticed this late was missed by a busy event loop, not by Redis: the reply may
// be waiting in the socket, and gets a little more time, as long as the loop is that busy.
inline constexpr std::chrono::milliseconds kBusyLoop{50};
inline constexpr std::chrono::milliseconds kBusyLoopGrace{500};

// What a command ended with. `reply` is null on failure, else valid only during the call.
struct Answer {
    Failure failure = Failure::none;
    const Reply* reply = nullptr;

    bool ok() const { return reply != nullptr && !reply->is_error(); }
};

// Takes the answers of commands that are sent by the thousand: each is told by a tag of the
// sender's choice, where a handler would be an allocation.
class AnswerSink {
  public:
    virtual ~AnswerSink() = default;
    virtual void answered(uint64_t tag, const Answer& answer) = 0;
};

class Connection final : public Link {
  public:
    using Handler = std::function<void(const Answer&)>;
    using Clock = std::chrono::steady_clock;

    static std::shared_ptr<Connection> make(const boost::asio::any_io_executor& executor,
                                            LinkOptions options);

    // The handler is called once, never from inside send(). It may be empty.
    void send(std::span<const std::string_view> parts, Handler handler,
              Clock::duration timeout = kCommandTimeout);

    void send(std::span<const std::string_view> parts, std::shared_ptr<AnswerSink> sink,
              uint64_t tag, Clock::duration timeout = kCommandTimeout);

    // The same for commands that are encoded already; the handler is called once per reply.
    void send_encoded(const Commands& commands, const Handler& handler,
                      Clock::duration timeout = kCommandTimeout);

    // Coroutine forms: one command, or several whose replies come together (in order). Error
    // replies are values; no reply is an Error.
    boost::asio::awaitable<Value> run(const Commands& command,
                                      Clock::duration timeout = kCommandTimeout);
    boost::asio::awaitable<std::vector<Value>> run_all(const Commands& commands,
                                                       Clock::duration timeout = kCommandTimeout);

    // As long as no answer that is due has a handler, none wakes this process: a sink is told
    // within LinkOptions::quiet_for, or by this, of those that are there; or somebody is in a hurry
    // for all that are due by now.
    void take_answers() { read_replies_now(); }
    void hurry();

    // Called at every change; `ready` before any command of others goes out.
    void on_change(std::function<void(bool ready)> listener) {
        listeners_.push_back(std::move(listener));
    }
    size_t pending() const { return pending_.size(); }

  private:
    // A command on its way: a handler, a sink, or nobody waits for its answer.
    struct Pending {
        Handler handler;
        std::shared_ptr<AnswerSink> sink;
        uint64_t tag = 0;
        Clock::time_point deadline;

        void answer(const Answer& answer) const;
    };

    Connection(const boost::asio::any_io_executor& executor, LinkOptions options);

    void send_one(std::span<const std::string_view> parts, Pending entry);
    void fail_later(Pending entry);
    void watch_head();
    void push(Pending entry);
    bool patient() const override { return !pending_.empty() && awaited_ == 0 && hurried_ == 0; }
    void on_ready() override;
    void on_reply(const Reply& reply) override;
    void on_down(Failure failure) override;

    std::deque<Pending> pending_;
    size_t awaited_ = 0; // of them, by a handler
    size_t hurried_ = 0; // so many of the first
    boost::asio::steady_timer deadline_timer_;
    bool watching_ = false;
    std::vector<std::function<void(bool)>> listeners_;
};

} // namespace mr::redis

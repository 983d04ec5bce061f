// Calls many back, each at a millisecond of its own choice, with one timer for all of them: a
// thousand answers at a fixed rate would otherwise be a thousand timers, and a coroutine woken for
// each chunk of them.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <vector>

namespace mr::scripted {

class Paced {
  public:
    virtual ~Paced() = default;
    virtual void due() = 0; // must not throw; may ask for the next moment
};

class Pacer : public std::enable_shared_from_this<Pacer> {
  public:
    using Clock = std::chrono::steady_clock;

    static std::shared_ptr<Pacer> make(const boost::asio::any_io_executor& executor);

    // Once, at the first whole millisecond that is not before `when`. One moment for each.
    void at(Clock::time_point when, Paced* paced);
    void forget(Paced* paced); // nothing happens if none is left

  private:
    using Tick = std::chrono::time_point<Clock, std::chrono::milliseconds>;

    explicit Pacer(const boost::asio::any_io_executor& executor) : timer_(executor) {}
    void arm();
    void call();

    boost::asio::steady_timer timer_;
    std::map<Tick, std::vector<Paced*>> ticks_;
    std::vector<Paced*> now_; // being called; null: forgotten meanwhile
    Tick armed_ = Tick::max();
};

} // namespace mr::scripted

// Where doorbells come from: the job streams of all partitions through one consumer group, one
// blocking read for all, as many as there are free slots; the pending list of workers whose lease
// is gone; and, after any break of a connection, this worker's own pending list (a reply may have
// been lost on the way). Hands every doorbell to Sessions; never claims anything itself.
#pragma once

#include "worker/session/sessions.h"

namespace mr {

inline constexpr size_t kMaxDoorbellsPerRead = 2; // per partition, so 32 at a time by default
inline constexpr std::chrono::milliseconds kJobsBlock{1000};
inline constexpr size_t kMaxReapedPerRound = 8; // per partition
// After taking doorbells the loop is watched: while it runs late, new work is left to others. A
// loop that takes on more than it can turn over would miss the renewal of its own lease. A loop
// that is late for long still takes a few at a time.
inline constexpr std::chrono::milliseconds kLagProbe{2};
inline constexpr std::chrono::milliseconds kMaxLoopLag{50};
inline constexpr std::chrono::milliseconds kMaxLatePause{2000};

class Intake : public std::enable_shared_from_this<Intake> {
  public:
    static std::shared_ptr<Intake> make(Relay& relay, std::shared_ptr<redis::Connection> jobs,
                                        std::shared_ptr<Sessions> sessions);

    // Creates the consumer groups; throws redis::Error.
    boost::asio::awaitable<void> create_groups();
    void start();
    void stop(); // final
    // Take no more doorbells; what a read under way still brings is handed back.
    void quiet();
    bool is_quiet() const { return quiet_; }
    void wake() { free_.notify(); }

  private:
    Intake(Relay& relay, std::shared_ptr<redis::Connection> jobs,
           std::shared_ptr<Sessions> sessions);

    boost::asio::awaitable<void> read_loop();
    boost::asio::awaitable<void> reap_loop();
    boost::asio::awaitable<void> catch_breath();
    boost::asio::awaitable<bool> read_pending();
    boost::asio::awaitable<bool> read_new();
    boost::asio::awaitable<void> reap();
    redis::Commands read_command(bool pending) const;
    void refused(std::string_view cause);
    size_t take_streams(const redis::Value& reply, bool pending);
    void take_entry(uint32_t partition, const redis::Value& entry);
    void hand_back(const Doorbell& bell);

    Relay& relay_;
    std::shared_ptr<redis::Connection> jobs_;
    std::shared_ptr<Sessions> sessions_;
    Signal free_;
    Signal reap_pause_;
    std::string pending_of_; // the incarnation whose own pending list has been read
    log::Repeat complaint_;
    bool groups_missing_ = false;
    bool late_ = false; // the loop did not calm down after the last doorbells
    bool quiet_ = false;
    bool stopped_ = false;
};

} // namespace mr

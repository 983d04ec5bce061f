// Where the primary of a sentinel:// URL is, for one worker process: asks all sentinels side by
// side (shared/sentinel.h says what, and why like that) when a link connects and once a second, and
// tells the links when the primary is another one. All links of the process share one watch, so
// they all point at the same primary. Owns the connections to the sentinels and the answer agreed
// on; never connects to Redis itself.
#pragma once

#include "shared/sentinel.h"
#include "worker/async.h"
#include "worker/redis/transport.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mr::redis {

inline constexpr std::chrono::minutes kSentinelLogPause{1}; // between lines on the same trouble

class SentinelWatch : public std::enable_shared_from_this<SentinelWatch> {
  public:
    // Null without sentinels in the URL. Asks nobody before the first find().
    static std::shared_ptr<SentinelWatch> make(const boost::asio::any_io_executor& executor,
                                               const RedisUrl& url);
    ~SentinelWatch();

    // Asks the sentinels. Throws std::runtime_error that says what is wrong and what helps, within
    // kSentinelTimeoutMs and a little.
    boost::asio::awaitable<PrimaryAddress> find();
    // The one agreed on last.
    const PrimaryAddress& primary() const { return primary_; }
    // Called whenever that changes, but for the first time. Listeners stay for the watch's life.
    void on_move(std::function<void()> listener) { listeners_.push_back(std::move(listener)); }
    // Final: the watch ends, finds fail.
    void close();

  private:
    struct Peer;
    struct Waiter;
    using Clock = std::chrono::steady_clock;

    SentinelWatch(const boost::asio::any_io_executor& executor, const RedisUrl& url);

    boost::asio::awaitable<void> watch();
    boost::asio::awaitable<void> round();
    boost::asio::awaitable<void> ask(size_t index);
    boost::asio::awaitable<SentinelAnswer> converse(Peer& peer);
    boost::asio::awaitable<SentinelAnswer> exchange(Peer& peer, bool login);
    std::string explain(const SentinelVerdict& verdict) const;
    void decide();
    void agree(const SentinelAnswer& answer);
    void note_trouble(const SentinelVerdict& verdict);
    void note_quorum(const SentinelAnswer& answer);

    boost::asio::any_io_executor executor_;
    RedisUrl url_;
    std::string target_; // for logs, without passwords
    std::vector<std::unique_ptr<Peer>> peers_;
    std::vector<SentinelAnswer> answers_;
    std::vector<std::shared_ptr<Waiter>> waiters_;
    std::vector<std::function<void()>> listeners_;
    Signal wake_;    // of the watch: somebody wants to know
    Signal changed_; // a peer has answered
    PrimaryAddress primary_;
    uint64_t config_epoch_ = 0;
    const char* logged_problem_ = nullptr;
    Clock::time_point logged_at_;
    bool watching_ = false;
    bool closed_ = false;
    bool no_quorum_ = false;
};

} // namespace mr::redis

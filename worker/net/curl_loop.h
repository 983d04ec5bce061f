// libcurl's multi handle on an Asio loop: sockets and the timer curl asks for, easy handles kept
// for reuse, and the word that a transfer has ended. Owns everything of curl that is shared between
// transfers; knows nothing of what is transferred.
//
// curl's sockets are watched by an epoll instance of their own, which is one descriptor to Asio.
// However many of them have something to read, a turn of the loop serves a few: what else waits on
// it, above all the connection to Redis, is not kept waiting behind a thousand streams.
// Nothing here calls back into a coroutine: whoever waits is told through its own Signal.
#pragma once

#include "worker/net/http_client.h"

#include <curl/curl.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <unordered_set>
#include <vector>

namespace mr::net {

inline constexpr std::size_t kMaxPooledHandles = 64;
inline constexpr std::size_t kSocketsPerTurn = 16; // served before the rest of the loop
// From so many transfers on, sockets are looked at once in an interval: each look costs the same,
// however many are ready.
inline constexpr std::size_t kManyTransfers = 32;
inline constexpr std::chrono::milliseconds kLookInterval{2};

// Names looked up and TLS sessions, for several loops of one thread. Outlives their handles.
class CurlCaches {
  public:
    CurlCaches();
    ~CurlCaches();
    CurlCaches(const CurlCaches&) = delete;
    CurlCaches& operator=(const CurlCaches&) = delete;
    CURLSH* get() const { return share_; }

  private:
    CURLSH* share_;
};

class CurlLoop : public std::enable_shared_from_this<CurlLoop> {
  public:
    static std::shared_ptr<CurlLoop> make(const boost::asio::any_io_executor& executor,
                                          std::shared_ptr<CurlCaches> caches);
    ~CurlLoop();
    CurlLoop(const CurlLoop&) = delete;
    CurlLoop& operator=(const CurlLoop&) = delete;

    const boost::asio::any_io_executor& executor() const { return executor_; }
    std::size_t transfers() const { return transfers_; }

    CURL* take_handle();          // reset to defaults; null: out of memory
    void give_back(CURL* handle); // not in use any more
    bool start(CURL* handle);     // its CURLOPT_PRIVATE is its Transfer
    // Wherever it stands. A connection in the middle of an exchange is closed.
    void remove(CURL* handle);
    // Goes on with a transfer that has paused.
    void unpause(CURL* handle);

  private:
    CurlLoop(const boost::asio::any_io_executor& executor, std::shared_ptr<CurlCaches> caches);

    static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void*) noexcept;
    static int on_timer(CURLM* multi, long timeout_ms, void* self) noexcept;
    bool watch(curl_socket_t fd, int what);
    void arm();
    void look();
    std::size_t serve();
    void set_timer(long timeout_ms);
    void act(curl_socket_t fd, int events);
    void collect();

    boost::asio::any_io_executor executor_;
    std::shared_ptr<CurlCaches> caches_;
    CURLM* multi_;
    boost::asio::steady_timer timer_;
    boost::asio::posix::stream_descriptor ready_; // epoll
    std::unordered_set<curl_socket_t> watched_;
    boost::asio::steady_timer interval_;
    std::chrono::steady_clock::time_point looked_{}; // when the latest round began
    bool in_round_ = false;                          // some that were ready have not been served
    bool waiting_ = false;                           // for ready_, or for the interval's end
    std::vector<CURL*> pool_;
    std::size_t transfers_ = 0;
};

} // namespace mr::net

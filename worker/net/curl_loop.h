// libcurl's multi handle on an Asio loop: sockets and the timer curl asks for, easy handles kept
// for reuse, and the word that a transfer has ended. Owns everything of curl that is shared between
// transfers; knows nothing of what is transferred.
//
// Nothing here calls back into a coroutine: whoever waits is told through its own Signal.
#pragma once

#include "worker/net/http_client.h"
#include "worker/net/socket_rounds.h"

#include <curl/curl.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <vector>

namespace mr::net {

inline constexpr std::size_t kMaxPooledHandles = 64;

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
    void set_timer(long timeout_ms);
    void act(curl_socket_t fd, int events);
    void collect();

    boost::asio::any_io_executor executor_;
    std::shared_ptr<CurlCaches> caches_;
    CURLM* multi_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<SocketRounds> sockets_;
    std::vector<CURL*> pool_;
    std::size_t transfers_ = 0;
};

} // namespace mr::net

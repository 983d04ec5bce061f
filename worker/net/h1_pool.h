// Connections of HTTP/1.1 without TLS for responses that trickle in: each serves one request at a
// time, and is kept for the next. In the place of libcurl, which holds some 13 KB for each transfer
// as long as it lasts. Knows no proxy.
//
// One event loop. Outlived by no transfer: each holds it.
#pragma once

#include "worker/net/h1_transfer.h"
#include "worker/net/socket_rounds.h"

#include <list>
#include <unordered_map>

namespace mr::net {

inline constexpr std::size_t kMaxIdleSockets = 64;
inline constexpr std::chrono::seconds kIdleSocketKept{60};

class H1Pool : public std::enable_shared_from_this<H1Pool> {
  public:
    static std::shared_ptr<H1Pool> make(const boost::asio::any_io_executor& executor);

    const boost::asio::any_io_executor& executor() const { return executor_; }
    // Until the response is over. Throws HttpError, or what the receiver threw.
    boost::asio::awaitable<void> run(std::shared_ptr<H1Transfer> transfer);

    // For transfers. Null: it is nobody's any more. False: the system has no room for it.
    bool watch(int fd, H1Transfer* transfer, bool to_read, bool to_write);

  private:
    using Clock = std::chrono::steady_clock;
    struct Idle {
        std::string place;
        H1Socket socket;
        Clock::time_point since;
    };

    explicit H1Pool(const boost::asio::any_io_executor& executor) : executor_(executor) {}

    boost::asio::awaitable<int> connect(const H1Transfer& transfer);
    H1Socket take_idle(const std::string& place);
    void keep(std::string place, H1Socket socket);
    void ready(int fd, bool to_read, bool to_write);

    boost::asio::any_io_executor executor_;
    std::shared_ptr<SocketRounds> sockets_;
    std::unordered_map<int, H1Transfer*> watching_;
    std::list<Idle> idle_; // the longest first
};

} // namespace mr::net

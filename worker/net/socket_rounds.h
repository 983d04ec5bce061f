// Sockets that are not Asio's own, watched by an epoll instance that is one descriptor to Asio.
// However many of them have something to read, a turn of the loop serves a few: what else waits on
// it, above all the connection to Redis, is not kept waiting behind a thousand streams.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <unordered_set>

namespace mr::net {

inline constexpr std::size_t kSocketsPerTurn = 16; // served before the rest of the loop
// From so many sockets on, they are looked at once in an interval: each look costs the same,
// however many are ready.
inline constexpr std::size_t kManySockets = 32;
inline constexpr std::chrono::milliseconds kLookInterval{2};

// What is sent and not acknowledged for so long has found a dead network; without it everything
// that comes later would be sent into the same silence. tcp(7); as good as can be.
void expect_acknowledgements(int fd);
inline constexpr std::chrono::duration<int> kKeepAliveInterval{60};

class SocketRounds : public std::enable_shared_from_this<SocketRounds> {
  public:
    // What a socket that is watched for it may be asked for now. One that is broken may be asked
    // for all it is watched for: that tells. It may be gone by then, or another of the same number.
    using Ready = std::function<void(int fd, bool to_read, bool to_write)>;

    // Throws std::system_error.
    static std::shared_ptr<SocketRounds> make(const boost::asio::any_io_executor& executor,
                                              Ready ready);

    // From now on for this; for nothing before the socket is closed. False: the system has no room.
    bool watch(int fd, bool to_read, bool to_write);

  private:
    SocketRounds(const boost::asio::any_io_executor& executor, Ready ready);

    void arm();
    void look();
    std::size_t serve();

    boost::asio::any_io_executor executor_;
    Ready ready_;
    boost::asio::posix::stream_descriptor epoll_;
    boost::asio::steady_timer interval_;
    std::unordered_set<int> watched_;
    std::chrono::steady_clock::time_point looked_{}; // when the latest round began
    bool in_round_ = false;                          // some that were ready have not been served
    bool waiting_ = false;                           // for epoll_, or for the interval's end
};

} // namespace mr::net

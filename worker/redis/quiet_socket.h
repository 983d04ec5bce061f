// A connected stream socket that can be told to be quiet: bytes that arrive then wake nobody, until
// somebody looks. Asio's reactor is told of every socket's bytes whether it waits for them or not;
// so this one has an epoll instance of its own, and that is what Asio waits for (epoll(7): the
// descriptor of an epoll instance can itself be waited for).
#pragma once

#include "worker/async.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace mr::redis {

class QuietSocket : public std::enable_shared_from_this<QuietSocket> {
  public:
    using Done = std::function<void(boost::system::error_code)>;

    // Owns `socket` from now on. Throws boost::system::system_error.
    static std::shared_ptr<QuietSocket> make(const boost::asio::any_io_executor& executor,
                                             int socket);
    ~QuietSocket();

    // What is there, or what comes next; one reader. Throws boost::system::system_error: eof at the
    // end of the stream, operation_aborted after close().
    boost::asio::awaitable<std::size_t> read_some(std::span<std::uint8_t> into);
    // The same without waiting; 0: nothing is there.
    std::size_t read_now(std::span<std::uint8_t> into);
    // Writes all of it; the bytes must live until `done`, which may be called before this returns.
    // One write at a time.
    void write(std::span<const std::uint8_t> bytes, Done done);
    // The end of the connection is told all the same, if the other side is a process here.
    void be_quiet(bool quiet);
    void close();

  private:
    QuietSocket(const boost::asio::any_io_executor& executor, int socket);

    void wait();
    void woken();
    void write_on();
    void set_interest();
    void end_write(boost::system::error_code error);

    int socket_;
    boost::asio::posix::stream_descriptor epoll_;
    Signal readable_;
    std::span<const std::uint8_t> unwritten_;
    Done done_;
    std::uint32_t interest_ = 0; // as the epoll instance has it
    bool quiet_ = false;
    bool full_ = false; // the socket takes no more for the moment
};

} // namespace mr::redis

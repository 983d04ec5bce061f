// A byte stream to one Redis or sentinel: TCP, unix socket or TLS over TCP. Owns the socket; knows
// nothing of Redis's protocol, of time limits or of reconnecting (link.h does).
#pragma once

#include "shared/redis_url.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace mr::redis {

class Transport {
  public:
    virtual ~Transport() = default;

    // Resolves, connects, shakes hands (TLS 1.2 or later). Throws boost::system::system_error.
    virtual boost::asio::awaitable<void> open() = 0;
    // Throws at the end of the stream.
    virtual boost::asio::awaitable<size_t> read_some(std::span<uint8_t> into) = 0;
    // Writes all of it; the bytes must live until `done`, which may be called before this returns.
    // One write at a time.
    virtual void write(std::span<const uint8_t> bytes,
                       std::function<void(boost::system::error_code)> done) = 0;
    // While it is quiet, read_some() leaves what arrives to read_now(). Whether it is now: not each
    // can be.
    virtual bool be_quiet(bool quiet) = 0;
    // What is there, without waiting; 0: nothing. Throws as read_some().
    virtual size_t read_now(std::span<uint8_t> into) = 0;
    // Ends everything that is under way with operation_aborted.
    virtual void close() = 0;
};

// Whom to connect to: `host` is the path for a unix socket.
struct Endpoint {
    std::string host;
    uint16_t port = 0;
};

// The URL says how (TLS, certificates); it has to outlive the transport.
std::unique_ptr<Transport> make_transport(const boost::asio::any_io_executor& executor,
                                          const RedisUrl& url, Endpoint endpoint);

} // namespace mr::redis

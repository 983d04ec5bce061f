// A byte stream to a host: TCP, or TLS over TCP (1.2 or later; certificate and name are checked).
// Owns the socket; knows nothing of what is sent, of time limits or of connecting again.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mr::net {

// The authorities whose certificates count. Reading those of the system takes milliseconds: made
// once and shared by connections.
class TlsTrust {
  public:
    // `ca_file` is PEM; empty: the system's. Throws std::runtime_error that names the file.
    static std::shared_ptr<TlsTrust> load(const std::string& ca_file);
    virtual ~TlsTrust() = default;
};

struct Proxy { // speaks HTTP, unencrypted
    std::string host;
    uint16_t port = 0;
    std::string authorization; // value of its header; empty: none
};

struct StreamTarget {
    std::string host; // a name, or an address without brackets
    uint16_t port = 0;
    std::shared_ptr<const Proxy> proxy; // the way to it; null: straight
    std::vector<std::string> protocols; // offered in the TLS handshake (ALPN, RFC 7301)
    std::string checked_name;           // of the certificate, when it is not `host`
};

// The TLS handshake failed. `verified`: what the certificate was found to be, X509_V_OK if that was
// not it.
class TlsProblem : public std::runtime_error {
  public:
    TlsProblem(const std::string& text, long verified)
        : std::runtime_error(text), verified_(verified) {}
    long verified() const noexcept { return verified_; }

  private:
    long verified_;
};

class ByteStream {
  public:
    virtual ~ByteStream() = default;

    // Finds the host and connects, by its proxy if there is one. Throws std::runtime_error:
    // straight it is a boost::system::system_error.
    virtual boost::asio::awaitable<void> connect() = 0;
    // The TLS handshake, if there is one. Throws TlsProblem, or std::runtime_error with the reason.
    virtual boost::asio::awaitable<void> secure() = 0;
    // What the server chose of the protocols offered; empty: none.
    virtual std::string_view protocol() const = 0;
    // Throws at the end of the stream.
    virtual boost::asio::awaitable<size_t> read_some(std::span<uint8_t> into) = 0;
    // Writes all of it; the bytes must live until `done`. One write at a time.
    virtual void write(std::span<const uint8_t> bytes,
                       std::function<void(boost::system::error_code)> done) = 0;
    // Ends everything that is under way with operation_aborted. A name lookup ends when the system
    // is through with it, and then counts for nothing.
    virtual void close() = 0;
    // Gives the connected socket away, not blocking, and is of no more use. Not encrypted ones
    // only. Throws boost::system::system_error.
    virtual int release() = 0;
};

// `trust` null: not encrypted.
std::unique_ptr<ByteStream> make_stream(const boost::asio::any_io_executor& executor,
                                        StreamTarget target, std::shared_ptr<TlsTrust> trust);

} // namespace mr::net

// A connection's bytes, over TLS or plain: what is read is handed on, what is sent is queued and
// written in order. Knows no protocol. One event loop, no threads; kept alive by its own operations
// until it is closed.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace mr::emulator {

class Channel : public std::enable_shared_from_this<Channel> {
  public:
    using Ready = std::function<void(std::string_view protocol)>; // as ALPN chose it
    using Bytes = std::function<void(std::string_view bytes)>;
    using Event = std::function<void()>;

    virtual ~Channel() = default;

    // Handshake if there is one, then reads until the end. `gone` comes once: when the client has
    // closed or the connection has broken; not after close() or abort().
    void start(Ready ready, Bytes bytes, Event gone);

    // Queues bytes; `sent` is called each time everything queued has gone to the kernel.
    void send(std::string_view bytes);
    void on_sent(Event sent) { sent_ = std::move(sent); }
    std::size_t unsent() const { return queued_.size() + writing_.size(); }
    std::uint64_t number() const { return number_; } // counts connections
    virtual bool secure() const = 0;

    // When all that is queued is out: an orderly end (TLS close_notify), or none (the TCP
    // connection just ends).
    void close(bool orderly);
    virtual void abort() = 0; // TCP RST, now

  protected:
    Channel();
    virtual void handshake() = 0;
    virtual void read_some() = 0;
    virtual void write_some(const std::string& bytes) = 0;
    virtual void shut(bool orderly) = 0;

    void opened(std::string_view protocol);
    void arrived(std::string_view bytes);
    void written(bool well);
    void lost();
    void forget();

    bool over_ = false;

  private:
    void flush();

    Ready ready_;
    Bytes bytes_;
    Event gone_, sent_;
    std::string queued_, writing_;
    bool closing_ = false, orderly_ = false;
    std::uint64_t number_;
};

std::shared_ptr<Channel> plain_channel(boost::asio::ip::tcp::socket socket);
std::shared_ptr<Channel> tls_channel(boost::asio::ip::tcp::socket socket,
                                     boost::asio::ssl::context& context);

} // namespace mr::emulator

// A port: accepts connections, chooses their protocol, hands each of their requests on.
#pragma once

#include "tests/emulator/exchange.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

namespace mr::emulator {

class Listener {
  public:
    // On the loopback; `port` 0 takes a free one. `tls`: null for plain connections. Throws
    // boost::system::system_error.
    Listener(const boost::asio::any_io_executor& executor, std::uint16_t port,
             boost::asio::ssl::context* tls, Serve serve);

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  private:
    void accept();
    void open(boost::asio::ip::tcp::socket socket);

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::ssl::context* tls_;
    Serve serve_;
};

// A server context that offers HTTP/2 and HTTP/1.1 (ALPN), or HTTP/1.1 alone.
boost::asio::ssl::context server_context(const std::string& certificate, const std::string& key,
                                         bool http2);

} // namespace mr::emulator

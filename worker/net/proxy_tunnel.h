// The way through an HTTP proxy to a host behind it: CONNECT, RFC 9110 section 9.3.6. What goes
// through it afterwards the proxy does not see, where that is encrypted.
#pragma once

#include "worker/net/byte_stream.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace mr::net {

inline constexpr size_t kMaxTunnelAnswerBytes = 16 * 1024;

// On a socket that is connected to the proxy. Throws std::runtime_error with the reason; no
// password is in it.
boost::asio::awaitable<void> open_tunnel(boost::asio::ip::tcp::socket& socket,
                                         const StreamTarget& target);

} // namespace mr::net

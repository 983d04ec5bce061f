// Pushpin: the publisher is its backend as well. Connections are told of by WebSocket-over-HTTP on
// a port of the loopback and subscribed to the channel of their session; start messages come the
// same way; events go to the handler's PULL socket.
#pragma once

#include "bench/peers/broker.h"

#include <cstdint>

namespace mr::bench {

// `address`: of the PULL socket. Throws std::runtime_error when Pushpin does not answer there, or
// the port is taken.
std::unique_ptr<Broker> pushpin_broker(Loop& loop, const std::string& address, uint16_t port,
                                       Broker::Started started);

} // namespace mr::bench

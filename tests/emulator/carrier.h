// What a channel's protocol is to the listener: bytes in, and the end.
#pragma once

#include "tests/emulator/channel.h"
#include "tests/emulator/exchange.h"

#include <memory>
#include <string_view>

namespace mr::emulator {

class Carrier {
  public:
    virtual ~Carrier() = default;
    virtual void arrived(std::string_view bytes) = 0;
    virtual void sent() = 0; // the channel has nothing unsent
    virtual void gone() = 0; // the client has closed, or the connection has broken
};

std::shared_ptr<Carrier> http1_carrier(std::shared_ptr<Channel> channel,
                                       const boost::asio::any_io_executor& executor, Serve serve);
std::shared_ptr<Carrier> http2_carrier(std::shared_ptr<Channel> channel,
                                       const boost::asio::any_io_executor& executor, Serve serve);

} // namespace mr::emulator

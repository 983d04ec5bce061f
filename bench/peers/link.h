// A connection of a peer's publisher to what it publishes into: connected at once, then read and
// written as the loop allows. Plain text over TCP on this machine or a unix socket.
#pragma once

#include "bench/load/loop.h"
#include "shared/byte_queue.h"

#include <functional>
#include <string>
#include <string_view>

namespace mr::bench {

class Link final : private Ready {
  public:
    using Take = std::function<void(std::string_view)>;

    // `address`: "unix:/path" or "127.0.0.1:port". Throws std::runtime_error when nobody answers,
    // and out of the loop when the other end goes away: then there is nothing left to do.
    Link(Loop& loop, std::string address, Take take);
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    Buffer& out() { return output_.back(); } // flush() sends it
    void flush();
    size_t queued_bytes() const { return output_.size(); }

  private:
    void ready(uint32_t events) override;
    void read();
    [[noreturn]] void lost(const char* why) const;

    Loop& loop_;
    std::string address_;
    Take take_;
    ByteQueue output_;
    int socket_ = -1;
    uint32_t wanted_;
};

} // namespace mr::bench

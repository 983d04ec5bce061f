// A listening socket on the loopback, for the servers of bench/peers.
#pragma once

#include "bench/load/loop.h"

#include <cstdint>
#include <functional>

namespace mr::bench {

class Listener final : private Ready {
  public:
    // `accepted` owns the socket it is given. Throws std::runtime_error when the port is taken.
    Listener(Loop& loop, uint16_t port, std::function<void(int)> accepted);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    uint16_t port() const { return port_; } // 0 was given: the system's choice

  private:
    void ready(uint32_t events) override;

    Loop& loop_;
    std::function<void(int)> accepted_;
    int socket_;
    uint16_t port_;
};

} // namespace mr::bench

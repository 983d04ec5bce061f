// The bytes of one client connection: TCP, TLS where the target has it. Knows nothing of what they
// mean.
#pragma once

#include "bench/load/loop.h"
#include "bench/load/target.h"
#include "bench/load/tls.h"

#include <cstdint>
#include <span>
#include <string>

namespace mr::bench {

// What all connections of a thread share.
struct Clients {
    Loop& loop;
    const Target& target;
    TlsContext* tls = nullptr; // null: the target has none
    uint32_t sources = 1;      // addresses on the loopback that clients come from, in turn
    uint64_t connections = 0;  // made so far
    int read_buffer = 0;       // SO_RCVBUF, 0: the system's
};

class Wire {
  public:
    Wire(Clients& clients, Ready& who) : clients_(clients), who_(who) {}
    ~Wire() { close(); }
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    // Begins to connect; `who` is told when go_on() is due. False: why() tells.
    bool open();
    // The next step of connecting and of TLS. 1: both are done; 0: later; -1: why() tells.
    int go_on();
    // How many bytes went; 0: later; -1: why() tells.
    ssize_t write(std::span<const uint8_t> bytes);
    ssize_t read(std::span<uint8_t> room);
    void want(uint32_t events); // EPOLLIN and the like
    void close();
    void close_by_reset();

    bool is_open() const { return socket_ >= 0; }
    bool encrypted() const { return ssl_ != nullptr; }
    bool ended_in_order() const { return ended_; } // read() found the end, not a fault
    const std::string& why() const { return why_; }
    // Of this connection, 0 where it has not come so far.
    int64_t begun_ns() const { return begun_; }
    int64_t connected_ns() const { return connected_; }
    int64_t secured_ns() const { return secured_; }

  private:
    bool make_socket();
    int shake_hands();
    ssize_t fault(const char* step);
    ssize_t tls_fault(int result);

    Clients& clients_;
    Ready& who_;
    SSL* ssl_ = nullptr;
    int socket_ = -1;
    uint32_t wanted_ = 0;
    bool ended_ = false;
    int64_t begun_ = 0, connected_ = 0, secured_ = 0;
    std::string why_;
};

} // namespace mr::bench

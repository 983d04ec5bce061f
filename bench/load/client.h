// One client connection: TCP, TLS where the target has it, WebSocket. Knows nothing of questions
// and answers.
#pragma once

#include "bench/load/loop.h"
#include "bench/load/target.h"
#include "bench/load/tls.h"
#include "shared/ws_client.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace mr::bench {

class Client;

class ClientOwner {
  public:
    virtual void client_open(Client& client) = 0;
    // `message` is gone as soon as anything is sent.
    virtual void client_text(Client& client, std::string_view message) = 0;
    // Once, whoever ended it: `why` names the step and the cause. The client is idle again and may
    // connect anew, or be destroyed.
    virtual void client_ended(Client& client, const std::string& why) = 0;
    virtual void client_binary(Client&, std::span<const uint8_t>) {}

  protected:
    ~ClientOwner() = default;
};

// What all clients of a thread share.
struct Clients {
    Loop& loop;
    const Target& target;
    TlsContext* tls = nullptr; // null: the target has none
    uint32_t sources = 1;      // addresses on the loopback that clients come from, in turn
    uint64_t connections = 0;  // made so far
    int read_buffer = 0;       // SO_RCVBUF, 0: the system's
};

class Client final : private Ready {
  public:
    Client(Clients& clients, ClientOwner& owner) : clients_(clients), owner_(owner) {}
    ~Client() { drop(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // `subprotocols` as in the header; `path` instead of the target's, unless empty.
    void connect(std::string subprotocols, std::string path = {});
    bool send(std::string_view text); // false: not open, or the server takes nothing
    bool send_binary(ByteView bytes);
    void close(CloseCode code = CloseCode::normal); // by handshake; client_ended follows
    void drop();  // at once, with a reset if something was unread; untold
    void reset(); // RST
    // Reads so many bytes more and then nothing, until told again. At first there is no such bound.
    void allow(uint64_t bytes);
    bool waits_for_allowance() const { return allowed_ == 0; }

    bool is_open() const { return socket_ >= 0 && ws_ && ws_->state() == WsClientState::open; }
    bool is_idle() const { return socket_ < 0; }
    // Of this connection, 0 where it has not come so far.
    int64_t begun_ns() const { return begun_; }
    int64_t connected_ns() const { return connected_; }
    int64_t secured_ns() const { return secured_; }
    int64_t open_ns() const { return open_; }
    uint64_t bytes_read() const { return bytes_read_; }
    uint16_t refused_status() const { return refused_status_; }

  private:
    void ready(uint32_t events) override;
    bool open_socket();
    void go_on(); // the next step of opening, as far as it goes
    bool shake_hands();
    void start_upgrade();
    void read();
    void take(std::span<uint8_t> input);
    void flush();
    void want(uint32_t events);
    void ended(const std::string& why);

    Clients& clients_;
    ClientOwner& owner_;
    std::string subprotocols_;
    std::string path_;
    WsClientOptions options_;
    std::unique_ptr<WsClient> ws_;
    SSL* ssl_ = nullptr;
    int socket_ = -1;
    uint32_t wanted_ = 0;
    uint64_t allowed_ = UINT64_MAX; // bytes it may still read
    uint16_t refused_status_ = 0;
    int64_t begun_ = 0, connected_ = 0, secured_ = 0, open_ = 0;
    uint64_t bytes_read_ = 0;
    uint64_t life_ = 0; // grows with every end: what is called back looks whether it is the same
};

} // namespace mr::bench

// One client connection with WebSocket on it. Knows nothing of questions and answers.
#pragma once

#include "bench/load/wire.h"
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

class Client final : private Ready {
  public:
    Client(Clients& clients, ClientOwner& owner)
        : clients_(clients), owner_(owner), wire_(clients, *this) {}
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

    bool is_open() const { return wire_.is_open() && ws_ && ws_->state() == WsClientState::open; }
    bool is_idle() const { return !wire_.is_open(); }
    // Of this connection, 0 where it has not come so far.
    int64_t begun_ns() const { return wire_.begun_ns(); }
    int64_t connected_ns() const { return wire_.connected_ns(); }
    int64_t secured_ns() const { return wire_.secured_ns(); }
    int64_t open_ns() const { return open_; }
    uint64_t bytes_read() const { return bytes_read_; }
    uint16_t refused_status() const { return refused_status_; }

  private:
    void ready(uint32_t events) override;
    void go_on(); // the next step of opening, as far as it goes
    void start_upgrade();
    void read();
    void take(std::span<uint8_t> input);
    void flush();
    void ended(const std::string& why);

    Clients& clients_;
    ClientOwner& owner_;
    Wire wire_;
    std::string subprotocols_;
    std::string path_;
    WsClientOptions options_;
    std::unique_ptr<WsClient> ws_;
    uint64_t allowed_ = UINT64_MAX; // bytes it may still read
    uint16_t refused_status_ = 0;
    int64_t open_ = 0;
    uint64_t bytes_read_ = 0;
    uint64_t life_ = 0; // grows with every end: what is called back looks whether it is the same
};

} // namespace mr::bench

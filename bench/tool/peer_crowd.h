// Many connections to a server of bench/peers that open over time, by the server's dialect, until
// each may send its start message. What they do then is the scenario's, which derives from it.
#pragma once

#include "bench/load/peer_dialect.h"
#include "bench/tool/common.h"
#include "bench/tool/peer.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mr::bench {

struct Peer {
    Peer(Clients& clients, ClientOwner& owner, uint64_t index)
        : number(index), client(clients, owner) {}
    const uint64_t number;
    Client client;
    uint64_t next_seq = 0; // of the answer
    int64_t asked_ns = 0;
    bool ready = false;
    bool begun = false;
    bool asking = false; // flat out: its answer is not whole
    bool past = false;   // events that are due behind the measured time have come
};

class PeerCrowd : public ClientOwner {
  public:
    // Throws std::runtime_error: a wrong target or dialect, a limit of open files that is too low.
    PeerCrowd(const Common& common, const PeerOptions& options);
    virtual ~PeerCrowd() = default;

  protected:
    // Opens all, calls opened() a moment later, runs until rig_.loop.stop(). Throws
    // std::runtime_error when connections cannot be opened.
    void run();
    virtual void opened() = 0;
    // The events of a message; false: there are none in it.
    virtual bool take_events(Peer& peer, std::string_view message) = 0;
    virtual void all_lost() {} // nothing more will come; then it stops

    // What each connection has cost since the beginning, into the result.
    void note_memory();
    // The session's name: an earlier run's events may still be under way to its own sessions.
    static std::string session_of(uint64_t number);

    const Common& common_;
    const PeerOptions& options_;
    const PeerDialect dialect_;
    Rig rig_;
    Meter meter_;
    std::vector<std::unique_ptr<Peer>> peers_;
    uint64_t lost_ = 0;
    std::string last_loss_;
    Result result_;

  private:
    void client_open(Client& client) override;
    void client_text(Client& client, std::string_view message) override;
    void client_binary(Client& client, std::span<const uint8_t> bytes) override;
    void client_ended(Client& client, const std::string& why) override;

    Peer& peer_of(Client& client) { return *by_client_.at(&client); }
    void open_next();
    void became_ready(Peer& peer);
    void fatal(const std::string& why);

    Processes processes_;
    std::map<std::string, Usage> before_;
    std::map<const Client*, Peer*> by_client_;
    int64_t first_ns_ = 0;
    uint64_t opened_ = 0, ready_ = 0;
    bool over_ = false;
    std::string fatal_;
};

} // namespace mr::bench

// What mr-bench and the servers of bench/peers say to each other: a start message of the client,
// then events that carry the moment at which each was due; then the next start message may come.
// Text only; sockets are the callers'.
//
//   start:  {"session":"17","rate":50,"count":1000,"bytes":80}      rate 0: as fast as they go
//   event:  {"seq":0,"due_ns":123456789,"text":"…"}        due_ns by CLOCK_MONOTONIC
//
// A dialect is what a server wraps around that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mr::bench {

struct PeerStart {
    std::string session; // names the channel of its events: letters, digits, '-'
    uint64_t rate = 0;   // events a second; 0: each when the one before is written
    uint64_t count = 0;  // of events, then it is over
    uint64_t bytes = 0;  // of an event's text
};

inline constexpr uint64_t kMaxPeerRate = 100'000;
inline constexpr uint64_t kMaxPeerCount = 10'000'000;
inline constexpr uint64_t kMaxPeerBytes = 16'384;
inline constexpr size_t kMaxPeerSessionChars = 64;

std::string write_start(const PeerStart& start);
// Nullopt: it is no start message, or a number is beyond its bound.
std::optional<PeerStart> read_start(std::string_view message);

struct PeerStamp {
    uint64_t seq = 0;
    int64_t due_ns = 0;
};

// The text of an event: filler, nothing in it needs an escape.
void append_filler(std::string& out, uint64_t bytes);
// Appends an event.
void append_event(std::string& out, const PeerStamp& stamp, uint64_t bytes);

// Takes the first stamp out of `rest`, whatever stands around it; `rest` then begins behind it.
// False: there is none.
bool next_peer_stamp(std::string_view& rest, PeerStamp& stamp);

enum class PeerDialect : uint8_t {
    plain,    // messages as they are
    socketio, // Socket.IO 4 over WebSocket: packets "0", "40", "2", 42["start",{…}]
    nats,     // NATS over WebSocket: start messages to peer.start, events from peer.<session>
};

std::optional<PeerDialect> peer_dialect(std::string_view name);

// What the client does about a message, beside the events in it.
struct PeerTurn {
    bool ready = false; // it may send its start message from now on
    std::string reply;  // to be sent at once; empty: nothing
};

bool ready_when_open(PeerDialect dialect);
PeerTurn take_message(PeerDialect dialect, std::string_view session, std::string_view message);
// A NATS client's first words: it subscribes; the answer to its PING says that this is in force.
std::string nats_hello(const std::string& subject);
std::string wrap_start(PeerDialect dialect, const PeerStart& start);

} // namespace mr::bench

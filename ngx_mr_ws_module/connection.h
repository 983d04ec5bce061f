// A WebSocket after its handshake, detached from nginx's HTTP request: socket, decoder, output
// queue, ping, close handshake. One per client, on malloc, small while idle: it then holds no
// buffer at all. Turns bytes into whole messages for the relay and the relay's frames into bytes;
// never knows what a message means, never talks to Redis.
//
// Life: connection_adopt() → open → (Close frame of either side) closing → lingering until the
// client has closed, too → freed. A Connection is freed only by the event handlers of this file,
// never inside a function that the relay calls, so a reference stays good for the whole call.
#pragma once

#include "ngx_mr_ws_module/clock.h"
#include "ngx_mr_ws_module/follower.h"
#include "ngx_mr_ws_module/limits.h"
#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/output_queue.h"
#include "ngx_mr_ws_module/pace.h"
#include "ngx_mr_ws_module/relay.h"
#include "ngx_mr_ws_module/settings.h"
#include "shared/buffer.h"
#include "shared/bytes.h"
#include "shared/ws_frame.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace mr {

class MessageInflater; // shared/ws_deflate.h
struct VoiceMail;      // voice_mail.h

// Bytes read at once, into memory shared by all connections of a process.
inline constexpr size_t kReadBytes = 64 * 1024;
// A socket that always has more gets this many reads in a row before others have their turn.
inline constexpr uint32_t kReadsPerTurn = 4;
// Output a connection may queue beyond `mr_ws_send_limit` (where the relay stops): more closes it.
inline constexpr size_t kOutputHeadroomBytes = 8 * 1024 * 1024;
// Queued beyond `mr_ws_send_limit`, this much is not the relay's (it stops one batch above): the
// client asks and does not read the answers (pongs, refusals). Its next frames wait.
inline constexpr size_t kReplyHeadroomBytes = 128 * 1024;
// From our Close frame until the client has closed; then the socket is cut.
inline constexpr ngx_msec_t kCloseTimeoutMs = 5000;

enum class ConnectionState : uint8_t {
    open,
    closing,   // our Close frame is queued: no more frames in either direction
    lingering, // it is sent: what still arrives is thrown away, so that it reaches the client
    finished,  // to be freed by the event handler on whose stack we are
};

// Why a client is not read from. Bits: there may be several at once.
enum class PauseCause : uint8_t {
    relay = 1,  // its messages are not dealt with yet
    output = 2, // pings of a client that does not read
    rate = 4,   // pace.h
};

// Who ended the session, for the log.
enum class ClosedBy : uint8_t { nobody, client, server };

struct Connection : Follower {
    explicit Connection(const LocationConf& location) noexcept
        : Follower(FollowerKind::websocket, location, location.kind()) {}

    // Of connection*.cpp, sweep.cpp and drain.cpp alone.
    ConnectionState state = ConnectionState::open;
    ClosedBy closed_by = ClosedBy::nobody;
    uint8_t paused = 0;           // for each PauseCause its bit
    bool over_limit : 1 = false;  // the queue was above send_limit: relay_drained is due
    bool corked : 1 = false;      // in the list of connections to be flushed
    bool relay_known : 1 = false; // relay_closed is due
    uint8_t refused_tokens = 0;   // of token_renewal.cpp
    uint8_t pings_unanswered = 0; // since the last pong
    uint8_t deflate_bits = 0;     // window of what we compress; 0: no permessage-deflate
    uint16_t close_code = 0;      // as it stands in the log
    uint32_t unacked = 0;         // in the kernel at the last look, not taken by the client yet
    uint32_t counted_output = 0;  // of the output queue, in the metrics
    // Of clock.h.
    uint32_t arriving_since_ms = 0; // a message or frame that is not whole yet; 0: none
    uint32_t received_at_ms = 0;    // the last byte, or the end of a pause of ours
    uint32_t pinged_at_ms = 0;
    uint32_t progress_at_ms = 0; // the last byte the kernel took, or the first it did not
    uint32_t acked_at_ms = 0;    // the client's side was last seen to take bytes from the kernel
    Pace pace;
    [[no_unique_address]] LimitHolds holds; // the next two lie in its padding
    uint16_t violation_code = 0;            // to close with when the answers owed are out
    uint32_t closing_at_ms = 0;      // a violation was found, then: the close handshake began
    const char* violation = nullptr; // a broken rule (static)

    ngx_queue_t all{};  // every connection of this process, the next one to be looked at first
    ngx_queue_t cork{}; // those with new output

    FrameDecoder decoder{Role::server};
    OutputQueue output;
    VoiceMail* voice = nullptr;          // owned: frames that wait, of voice_mail.cpp
    MessageInflater* inflater = nullptr; // while a compressed message is arriving
    Buffer message;                      // the message that is arriving in pieces
    Buffer unread;                       // input that came before reading was paused
    char* end_reason = nullptr;          // owned, for the session log; of session_log.cpp

    ngx_msec_t opened_at = 0;
    uint64_t messages_in = 0;
    uint64_t messages_out = 0;
    uint64_t frames_in = 0;
    uint64_t frames_out = 0;
    uint64_t bytes_in = 0;
    int64_t taken_out = 0; // by the kernel, less the 101 in front

    const FrameLimits& limits() const noexcept {
        return deflate_bits != 0 ? conf->deflate_limits : conf->limits;
    }
    uint64_t bytes_out() const noexcept { // of frames
        return taken_out > 0 ? static_cast<uint64_t>(taken_out) : 0;
    }
    bool reading_paused() const noexcept { return paused != 0; }
    bool paused_by(PauseCause cause) const noexcept {
        return (paused & static_cast<uint8_t>(cause)) != 0;
    }
};
static_assert(sizeof(Connection) <= 424, "lives in every idle connection");

// Back from a link of nginx's lists. The standard promises offsetof for simple structures alone;
// our compilers have it for every one without virtual bases.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
inline Connection* connection_of_all(ngx_queue_t* link) noexcept {
    return ngx_queue_data(link, Connection, all);
}
inline Connection* connection_of_cork(ngx_queue_t* link) noexcept {
    return ngx_queue_data(link, Connection, cork);
}
#pragma GCC diagnostic pop

// ---- called by the relay

// Queues one unfragmented frame; it leaves when the current event is done. False: the connection
// is closing (or has just run out of memory or of its bounds, and is closing now).
bool connection_send(Connection& connection, Opcode opcode, ByteView payload) noexcept;
bool connection_send_parts(Connection& connection, Opcode opcode,
                           std::span<const ByteView> parts) noexcept;

// Output the kernel has not taken yet.
size_t connection_queued_bytes(const Connection& connection) noexcept;

// Starts the close handshake behind everything queued; does nothing when it has begun.
void connection_close(Connection& connection, CloseCode code, std::string_view reason) noexcept;

// Back-pressure of the in lane. No message is handed over between the two calls.
void connection_pause_reading(Connection& connection) noexcept;
void connection_resume_reading(Connection& connection) noexcept;

// No turn of the session is running any more: a drain may close it now.
void connection_turn_idle(Connection& connection) noexcept;

// ---- called by upgrade.cpp

// Memory for a connection, before the client is promised one. Null: out of memory.
Connection* connection_create(const LocationConf& conf) noexcept;
void connection_discard(Connection* connection) noexcept; // never adopted

// Puts the answer to the handshake in front of all frames, with which it then leaves. False: out of
// memory.
bool connection_take_answer(Connection& connection, ByteView answer) noexcept;

// Takes a socket over from HTTP: all that is left of the request is `early`, the bytes behind the
// handshake (decoded in place). From now on the connection owns itself.
void connection_adopt(Connection* connection, ngx_connection_t* socket, const OpenRequest& request,
                      std::span<uint8_t> early) noexcept;

// ---- called by sweep.cpp and drain.cpp, which walk over all connections

ngx_queue_t& connections_all() noexcept;
size_t connections_count() noexcept;

// Frees the connection if it is finished. The last thing an event handler does with it.
void connection_settle(Connection& connection) noexcept;

// Looks whether the client's side takes what the kernel holds for it: a slow reader's socket may
// have no room for us for minutes, and still it reads. `always`: also when nothing is known to
// wait.
void connection_look_for_acks(Connection& connection, bool always) noexcept;

// Ends it at once: no Close frame any more. `drop`: nor what the kernel still holds.
void connection_abort(Connection& connection, const char* reason, bool drop) noexcept;

// ---- called by module.cpp

void connections_init(ngx_log_t* log) noexcept;

// The process ends: what is still open gets a Close frame if its socket takes one, and is freed.
void connections_exit() noexcept;

} // namespace mr

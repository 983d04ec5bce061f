// One connection to one Redis, kept open for the life of the process: log in, send commands in
// order, match replies to them, notice a dead or stalled server, come back with jittered delays.
// Commands given while the link is down are held for a short while and then answered with null, so
// a Redis restart of a moment goes unnoticed. A command that was sent when the link broke may have
// been executed or not: it is answered with null, unless its sender has said that it may be
// repeated. Knows nothing of sessions.
//
// With sentinels every dial asks them where the primary is, the server's own ROLE has to agree, and
// the link is given up as soon as they name another one.
//
// Two kinds. `commands`: every command has one reply, in order. `subscriptions`: what arrives is
// told apart by its content and handed to `push`; only PING has a reply there.
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/pending_queue.h"
#include "ngx_mr_ws_module/redis_connect.h"
#include "ngx_mr_ws_module/redis_sentinel.h"
#include "shared/backoff.h"
#include "shared/byte_queue.h"
#include "shared/resp.h"

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace mr {

enum class LinkKind : uint8_t { commands, subscriptions };

const char* link_kind_name(LinkKind kind) noexcept;

enum class LinkState : uint8_t {
    off,       // not started, or shut for good
    waiting,   // for the next attempt
    dialing,   // name, connect, TLS
    preparing, // log in, load scripts
    ready,
};

// What its owner is told. Every function gets the `owner` given to open().
struct LinkEvents {
    void* owner = nullptr;
    // Log-in commands are queued: add more with RedisLink::setup. The link is ready when all are
    // answered; a handler that sees an answer it cannot live with calls RedisLink::fail.
    void (*prepare)(void* owner) noexcept = nullptr;
    void (*ready)(void* owner) noexcept = nullptr;
    void (*down)(void* owner) noexcept = nullptr;                     // was ready, is not any more
    void (*push)(void* owner, const Reply& reply) noexcept = nullptr; // subscriptions only
};

class RedisLink {
  public:
    static constexpr ngx_msec_t kDialTimeoutMs = 2500;
    static constexpr ngx_msec_t kReplyTimeoutMs = 2000; // of the oldest command
    static constexpr ngx_msec_t kHoldMs = 2000;         // for commands given while it is down
    static constexpr ngx_msec_t kRepeatForMs = 5000;    // for repeatable commands, over all links
    static constexpr ngx_msec_t kPingIdleMs = 800;      // silence after which a PING probes
    static constexpr uint32_t kReconnectFirstMs = 100;
    static constexpr uint32_t kReconnectMaxMs = 2000;
    // A connection that lasts for less is one more failure: its delay goes on growing.
    static constexpr ngx_msec_t kStableMs = 2000;
    static constexpr size_t kMaxQueuedBytes = 32 * 1024 * 1024; // not taken by the kernel yet
    static constexpr ngx_msec_t kRepeatedLogMs =
        10000; // the same failure again is logged this often

    using Parts = std::span<const std::string_view>; // of one command

    RedisLink() = default;
    RedisLink(const RedisLink&) = delete;
    RedisLink& operator=(const RedisLink&) = delete;

    void open(LinkKind kind, const RedisTarget& target, ngx_resolver_t* resolver, ngx_log_t* log,
              const LinkEvents& events) noexcept;
    void shut() noexcept; // closes for good; pending commands are answered with null

    bool is_ready() const noexcept { return state_ == LinkState::ready; }
    // Down for longer than commands are held: what is sent now would only wait to be refused.
    bool is_down() const noexcept;
    // Why it is not ready: a phrase that completes "the link is down: …".
    const char* failure_text() const noexcept;

    // Queues a command of a `commands` link. False: refused, the sink is not called.
    bool send(std::initializer_list<std::string_view> parts, const ReplySink& sink) noexcept;
    // The same for a command that does no harm when it is executed twice in a row with the
    // repeatable ones behind it: after a break they are sent again, in order.
    bool send_repeatable(std::initializer_list<std::string_view> parts,
                         const ReplySink& sink) noexcept;
    // The same as send() while preparing, in front of what is held.
    bool setup(std::initializer_list<std::string_view> parts, const ReplySink& sink) noexcept {
        return setup(Parts(parts.begin(), parts.size()), sink);
    }
    bool setup(Parts parts, const ReplySink& sink) noexcept;
    // Queues a command of a ready `subscriptions` link; its answers come to `push`.
    bool send_push(Parts parts) noexcept;

    // Gives the connection up and reconnects after a delay. `cause` completes "redis <name>: …";
    // `detail` (the server's own words, or empty) is appended.
    void fail(DialProblem cause, std::string_view detail = {}) noexcept;

  private:
    void set_state(LinkState state) noexcept;
    void dial() noexcept;
    void begin(ngx_connection_t* connection) noexcept;
    bool join_watch() noexcept;
    const char* primary_label() const noexcept; // for logs; empty without sentinels
    void log_in() noexcept;
    void become_ready() noexcept;
    void schedule_retry() noexcept;
    void log_failure(DialProblem cause, std::string_view detail) noexcept;
    void answer_all(PendingQueue& queue) noexcept;
    void count_in_flight() noexcept;
    void count_up(bool up) noexcept;
    void expire_held() noexcept;
    void hold_repeatable() noexcept;
    bool take_held() noexcept;

    bool queue(ByteQueue& out, PendingQueue& pending, Parts parts, const ReplySink& sink,
               ngx_msec_t timeout_ms, ngx_msec_t repeat_for_ms = 0) noexcept;
    void cork() noexcept;
    void flush() noexcept;
    void read() noexcept;
    void take_replies() noexcept;
    void take_reply(const Reply& reply) noexcept;
    void take_command_reply(const Reply& reply) noexcept;
    bool take_pong(const Reply& reply) noexcept;
    void probe() noexcept;
    void check_deadlines() noexcept;
    void arm_timer() noexcept;

    static void on_dialed(void* owner, ngx_connection_t* connection, DialProblem problem) noexcept;
    static void on_primary(void* owner, const RedisPlace& primary) noexcept;
    static void on_no_primary(void* owner, DialProblem problem, std::string_view detail) noexcept;
    static void on_moved(void* owner) noexcept;
    static void on_setup_reply(void* owner, uint64_t tag, const Reply* reply) noexcept;
    static void on_role(void* owner, uint64_t tag, const Reply* reply) noexcept;
    static void on_read(ngx_event_t* event) noexcept;
    static void on_write(ngx_event_t* event) noexcept;
    static void on_cork(ngx_event_t* event) noexcept;
    static void on_timer(ngx_event_t* event) noexcept;

    LinkKind kind_ = LinkKind::commands;
    LinkState state_ = LinkState::off;
    bool ping_sent_ = false;
    const RedisTarget* target_ = nullptr;
    ngx_resolver_t* resolver_ = nullptr;
    ngx_log_t* log_ = nullptr;
    LinkEvents events_;
    SentinelWatch* watch_ = nullptr; // with sentinels: who asks them
    PrimaryUser primary_user_;
    RedisDialer dialer_;
    ngx_connection_t* connection_ = nullptr;
    RespReader reader_;
    ByteQueue out_; // not taken by the kernel yet
    PendingQueue pending_;
    ByteQueue kept_; // repeatable commands among them
    ByteQueue held_; // commands given while not ready
    PendingQueue held_pending_;
    Backoff backoff_{kReconnectFirstMs, kReconnectMaxMs};
    ngx_event_t cork_{}; // flushes what one turn of the event loop has queued
    ngx_event_t timer_{};
    ngx_msec_t phase_deadline_ = 0; // waiting: next attempt; dialing, preparing: give up
    ngx_msec_t heard_at_ = 0;
    ngx_msec_t ping_at_ = 0;
    ngx_msec_t down_since_ = 0;
    ngx_msec_t ready_at_ = 0;
    ngx_msec_t logged_at_ = 0;
    uint32_t failures_ = 0; // in a row
    uint32_t counted_in_flight_ = 0;
    bool counted_up_ = false;
    bool was_up_ = false;
    const char* logged_cause_ = nullptr;
};

} // namespace mr

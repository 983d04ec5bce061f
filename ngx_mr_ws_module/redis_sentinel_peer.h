// The conversation with one sentinel: a connection that is kept between questions and made anew
// when it broke. Owns that connection; writes what it hears into the answer it was given. Has no
// timer and judges nothing: redis_sentinel.h does both.
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/redis_connect.h"
#include "shared/buffer.h"
#include "shared/resp.h"
#include "shared/sentinel.h"

#include <string_view>

namespace mr {

// The conversation has ended, well or badly; called once per ask(), possibly before it returns.
using PeerDone = void (*)(void* owner) noexcept;

class SentinelPeer {
  public:
    SentinelPeer() = default;
    SentinelPeer(const SentinelPeer&) = delete;
    SentinelPeer& operator=(const SentinelPeer&) = delete;
    ~SentinelPeer() { close(); }

    // `answer` outlives the peer.
    void init(const RedisTarget& target, const RedisPlace& place, ngx_resolver_t* resolver,
              ngx_log_t* log, SentinelAnswer& answer, PeerDone done, void* owner) noexcept;

    void ask() noexcept;
    bool asking() const noexcept { return asking_; }
    ngx_msec_t asked_at_ms() const noexcept { return asked_at_ms_; }
    // The deadline has passed: the connection is not kept.
    void give_up() noexcept;
    void close() noexcept; // without a word to anybody

  private:
    void begin(ngx_connection_t* connection) noexcept;
    void send_questions(bool login) noexcept;
    void flush() noexcept;
    void read() noexcept;
    void take_replies() noexcept;
    void finish() noexcept;
    void fail(DialProblem problem) noexcept;
    void drop() noexcept;

    static void on_dialed(void* owner, ngx_connection_t* connection, DialProblem problem) noexcept;
    static void on_read(ngx_event_t* event) noexcept;
    static void on_write(ngx_event_t* event) noexcept;

    const RedisTarget* target_ = nullptr;
    const RedisPlace* place_ = nullptr;
    SentinelAnswer* answer_ = nullptr;
    PeerDone done_ = nullptr;
    void* owner_ = nullptr;
    RedisDialer dialer_;
    ngx_connection_t* connection_ = nullptr;
    RespReader reader_;
    Buffer out_; // from sent_ on: not taken by the kernel yet
    size_t sent_ = 0;
    ngx_msec_t asked_at_ms_ = 0;
    SentinelStep step_ = SentinelStep::done;
    bool asking_ = false;
};

} // namespace mr

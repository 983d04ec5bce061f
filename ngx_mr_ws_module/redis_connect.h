// Opens one connection to a place of a Redis target (Redis itself, a sentinel, the primary it
// named): resolve the name, connect, TLS with a check of chain and name. Owns the attempt and
// nothing afterwards: a finished connection belongs to the caller, who closes it with redis_close.
// Never retries, never speaks RESP, has no timer (the caller's deadline ends in `cancel`).
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/redis_target.h"

namespace mr {

// What went wrong: a phrase that completes "redis <name>: …", and the system's error or 0.
struct DialProblem {
    const char* text;
    ngx_err_t err = 0;
};

// Called exactly once per start() unless it is cancelled, possibly before start() returns.
// `connection` is null on failure. On success its handlers are still the dialer's: install your
// own.
using DialDone = void (*)(void* owner, ngx_connection_t* connection, DialProblem problem) noexcept;

class RedisDialer {
  public:
    RedisDialer() = default;
    RedisDialer(const RedisDialer&) = delete;
    RedisDialer& operator=(const RedisDialer&) = delete;

    // `resolver` may be null: then the addresses of configuration time are used.
    void init(const RedisTarget& target, ngx_resolver_t* resolver, ngx_log_t* log, DialDone done,
              void* owner) noexcept;
    // What `place` refers to has to live until the attempt has ended.
    void start(const RedisPlace& place) noexcept;
    void cancel() noexcept;                    // harmless when nothing is under way
    const char* timeout_text() const noexcept; // what the attempt under way is waiting for

  private:
    bool is_local() const noexcept;
    void resolve() noexcept;
    void connect_known() noexcept;
    void connect(const ngx_addr_t& address) noexcept;
    void connected() noexcept;
    void start_tls() noexcept;
    void tls_done() noexcept;
    const char* tls_problem() const noexcept;
    void succeed() noexcept;
    void fail(DialProblem problem) noexcept;

    static void on_resolved(ngx_resolver_ctx_t* context) noexcept;
    static void on_socket(ngx_event_t* event) noexcept;
    static void on_tls(ngx_connection_t* connection) noexcept;

    const RedisTarget* target_ = nullptr;
    RedisPlace place_;
    ngx_resolver_t* resolver_ = nullptr;
    ngx_log_t* log_ = nullptr;
    ngx_log_t quiet_log_{}; // for nginx's own report of a failed connect: ours says the same
    DialDone done_ = nullptr;
    void* owner_ = nullptr;
    ngx_resolver_ctx_t* resolving_ = nullptr;
    ngx_connection_t* connection_ = nullptr;
    uint32_t turn_ = 0; // takes the addresses of a name in turn
};

// Closes a connection made by a RedisDialer, with its TLS state and pool.
void redis_close(ngx_connection_t* connection) noexcept;

} // namespace mr

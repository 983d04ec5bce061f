// Where the primary of a sentinel:// target is, for one nginx process: asks all sentinels side by
// side (shared/sentinel.h says what, and why like that) when a link dials and once a second, and
// tells the links when the primary is another one. Owns the connections to the sentinels and the
// answer agreed on; never connects to Redis itself.
//
// All links of a process to one target share one watch, so they all point at the same primary: a
// subscription to a demoted one that still answers would stay silent for ever, and commands to it
// would be lost when it becomes a replica.
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/redis_connect.h"
#include "ngx_mr_ws_module/redis_sentinel_peer.h"
#include "shared/sentinel.h"

#include <string_view>

namespace mr {

// A link, as the watch sees it. Plain data, kept by the link; it has to leave before it goes.
struct PrimaryUser {
    void* owner = nullptr;
    // The answer to find(). `primary` is good until the next call.
    void (*found)(void* owner, const RedisPlace& primary) noexcept = nullptr;
    void (*not_found)(void* owner, DialProblem problem, std::string_view detail) noexcept = nullptr;
    // What this link is connected or connecting to is not the primary any more.
    void (*moved)(void* owner) noexcept = nullptr;

    bool asking = false; // for the watch alone, as is `next`
    PrimaryUser* next = nullptr;
};

class SentinelWatch {
  public:
    // Trouble that goes on while no link asks is logged this often.
    static constexpr ngx_msec_t kRepeatedLogMs = 60000;
    static constexpr size_t kLabelChars = kMaxPlaceNameChars + 5; // " at ", NUL

    // The watch of this process for the target; made when there is none. Null: out of memory.
    static SentinelWatch* join(const RedisTarget& target, ngx_resolver_t* resolver, ngx_log_t* log,
                               PrimaryUser& user) noexcept;
    // The last one to leave takes the watch with it.
    void leave(PrimaryUser& user) noexcept;

    // Asks the sentinels; the answer comes to `user`, once and not before this returns.
    void find(PrimaryUser& user) noexcept;
    void forget(PrimaryUser& user) noexcept { user.asking = false; }

    // " at 127.0.0.1:6379", for logs; empty while it is not known.
    const char* primary_label() const noexcept { return primary_label_; }

  private:
    SentinelWatch(const RedisTarget& target, ngx_resolver_t* resolver, ngx_log_t* log) noexcept;
    ~SentinelWatch();

    size_t count() const noexcept { return target_->url.sentinels.count; }
    void start_round() noexcept;
    void check_round() noexcept;
    void decide() noexcept;
    void agree(const SentinelAnswer& answer) noexcept;
    void move_users() noexcept;
    bool tell_users(const SentinelVerdict& verdict) noexcept;
    void note_trouble(const SentinelVerdict& verdict, bool told) noexcept;
    void note_quorum(bool missing, std::string_view words) noexcept;
    std::string_view witness_text(size_t witness) noexcept;
    void arm_timer() noexcept;

    static void on_answer(void* owner) noexcept;
    static void on_timer(ngx_event_t* event) noexcept;

    const RedisTarget* target_;
    ngx_log_t* log_;
    SentinelWatch* next_watch_ = nullptr; // of this process
    PrimaryUser* users_ = nullptr;
    SentinelPeer peers_[kMaxSentinels];
    SentinelAnswer answers_[kMaxSentinels];
    PrimaryAddress primary_;
    uint64_t config_epoch_ = 0;
    char primary_label_[kLabelChars] = {};
    char witness_text_[kMaxPlaceNameChars + 2 + kMaxSentinelWords];
    ngx_event_t timer_{};
    ngx_msec_t due_ms_ = 0; // next round; in a round: its end
    ngx_msec_t logged_at_ms_ = 0;
    const char* logged_problem_ = nullptr;
    bool in_round_ = false;
    bool starting_ = false;   // peers may answer before all of them have been asked
    bool most_heard_ = false; // of this round: only stragglers are waited for
    bool no_quorum_ = false;
};

} // namespace mr

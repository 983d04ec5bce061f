// Everything one nginx process holds for one Redis target: the two links, the partition map, the
// sessions, and the tick that watches over the busy ones. Owns life cycle and set-up (partitions,
// schema, script); what travels over the links is the business of lane_reader, subscriber, mailbox.
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/readiness.h"
#include "ngx_mr_ws_module/redis_link.h"
#include "ngx_mr_ws_module/session.h"
#include "shared/buffer.h"
#include "shared/keys.h"

#include <cstdint>
#include <string_view>

namespace mr {

inline constexpr ngx_msec_t kTickMs = 500;
inline constexpr uint32_t kPositionCheckMs = 2000; // silence of a busy session before it is read
inline constexpr uint32_t kPositionCheckSlowMs = 10000; // once it has been silent for
inline constexpr uint32_t kLongSilenceMs = 60000;       // this long
// A busy session that stays silent this long is taken for idle: a mail that needs no answer, or
// data that Redis has lost.
inline constexpr uint32_t kAskedSilenceMaxMs = 30000;
inline constexpr uint32_t kTurnSilenceMaxMs = 15 * 60000;
inline constexpr size_t kScriptHashChars = 40;
inline constexpr ngx_msec_t kComplaintMs = 1000;

struct Hub {
    const RedisTarget* target = nullptr;
    ngx_log_t* log = nullptr;
    RedisLink commands;
    RedisLink subscriptions;
    PartitionMap partitions;
    bool partitions_known = false; // until then `partitions` is a guess
    bool loading_script = false;
    char mail_script[kScriptHashChars] = {};
    uint32_t tick_at_ms = 0;      // the last tick
    uint32_t tick_elapsed_ms = 0; // between the last two
    uint32_t complaints_left_out = 0;
    ngx_msec_t complained_at = 0;
    uint32_t unconfirmed = 0; // channels of the resubscription step that is under way
    ngx_event_t tick{};
    Readiness readiness;
    Buffer scratch; // mail being encoded
    SessionTable sessions;
    SessionList<&Session::in_active> active;
    SessionList<&Session::in_partition> by_partition[kMaxPartitions];
};

// Allocates and opens the links. Null: out of memory.
Hub* hub_create(const RedisTarget& target, ngx_resolver_t* resolver, ngx_log_t* log) noexcept;
void hub_destroy(Hub* hub) noexcept;

// True when Redis has been away for longer than commands are held: nobody waits for it any more.
bool hub_is_down(const Hub& hub) noexcept;

// True once the link has been ready: the partitions and the script's hash are this Redis's own, so
// mail can be addressed. Stays true when the link breaks.
bool hub_is_set_up(const Hub& hub) noexcept;

Session* hub_create_session(Hub& hub, std::string_view id) noexcept; // null: out of memory

// Frees the session when nothing names it any more.
void hub_release_session(Session& session) noexcept;

// Has the tick look after the session until nothing is left to watch.
void hub_watch(Session& session) noexcept;

// After NOSCRIPT.
void hub_load_script(Hub& hub) noexcept;

// An error line with the target's name and `detail`, at most one per kComplaintMs; the next one
// says how many were left out.
void hub_complain(Hub& hub, const char* what, std::string_view detail) noexcept;

} // namespace mr

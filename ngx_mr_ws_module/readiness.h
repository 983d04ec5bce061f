// Whether this process can serve chat through a Redis, found out by doing it: once a second a probe
// goes the way of a question (a write, which a full or read-only Redis refuses) and of its answer
// (published on the commands link, heard on the subscriptions link), and asks whether any worker
// holds a lease. Also gives up a subscriptions link that is connected and delivers nothing. Owns
// one Readiness per hub; never blocks, and answers from what it has heard.
//
// Cost: four commands in one write and one publication per process, target and second: about 0.1 ms
// of Redis's CPU and as much of this process's, nearly all of it wake-ups; nothing goes into
// Redis's data, its AOF or to its replicas. Nothing is kept per session.
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "shared/keys.h"

#include <cstdint>
#include <string_view>

namespace mr {

struct Hub; // hub.h
class Reply;

inline constexpr ngx_msec_t kProbeEveryMs = 1000;
inline constexpr ngx_msec_t kProbeFreshMs = 2000; // a round trip counts for so long
// Published and not heard for so long: the subscriptions link is taken for dead.
inline constexpr ngx_msec_t kProbeLostMs = 2000;
inline constexpr ngx_msec_t kConfirmMs = 5000;    // for the next confirmation of a subscription
inline constexpr ngx_msec_t kStartGraceMs = 2500; // before the first complaint
inline constexpr size_t kMaxRefusalChars = 120;   // of what Redis says to a refused write
inline constexpr ngx_msec_t kMaxLeaseMs = 3600 * 1000; // more cannot be meant

// Why the process is not ready. `none`: it is.
enum class Trouble : uint8_t { none, starting, redis_down, writes_refused, no_delivery, no_worker };

std::string_view trouble_word(Trouble trouble) noexcept; // as /readyz says it

struct Readiness {
    char nonce[16];
    KeyText channel; // empty until the partitions are known
    ngx_event_t timer{};
    ngx_msec_t started_at = 0;
    ngx_msec_t due_at = 0;         // of the timer
    uint64_t sent = 0;             // number of the newest probe
    uint64_t sent_at_us = 0;       // when the newest was published, for the metrics
    uint64_t heard = 0;            // number of the newest that came back; 0: none yet
    ngx_msec_t heard_at = 0;       // when it did
    ngx_msec_t unheard_since = 0;  // published, not heard; 0: nothing is missing
    ngx_msec_t subscribed_at = 0;  // asked for the channel; 0: not subscribed
    ngx_msec_t confirmed_at = 0;   // last confirmation of any subscription, or the request for it
    ngx_msec_t lease_ends_at = 0;  // the newest lease of the partition that was asked last
    int64_t lease_deadline_ms = 0; // the same by Redis's clock
    ngx_msec_t red_since = 0;
    ngx_msec_t data_gone_at = 0; // said at, 0: never
    char refusal[kMaxRefusalChars];
    uint8_t refusal_chars = 0; // 0: writes are taken
    bool confirmed = false;    // the subscription to the channel holds
    bool lease_known = false;
    Trouble noted = Trouble::starting; // as it stands in the log
};

// False: no random bytes.
bool readiness_start(Hub& hub) noexcept;
void readiness_stop(Hub& hub) noexcept;

// As of this moment; a change is in the log when it returns.
Trouble readiness_check(Hub& hub) noexcept;

// Called by the hub and its subscriber.
void readiness_commands_ready(Hub& hub) noexcept;
void readiness_down(Hub& hub) noexcept; // one of the links
// mr:config had to be written anew: says so, once per loss.
void readiness_data_gone(Hub& hub) noexcept;
// Every session's channel is subscribed: the probe's comes last, so that hearing it says something.
void readiness_subscribe(Hub& hub) noexcept;
void readiness_subscriptions_down(Hub& hub) noexcept;
// Something came for the probe's channel: `kind` as in the push, `payload` of a publication.
void readiness_push(Hub& hub, std::string_view kind, std::string_view payload) noexcept;

} // namespace mr

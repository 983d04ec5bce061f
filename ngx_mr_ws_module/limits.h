// How many: connections of a process, of an address, of a subject, sessions of a subject, new
// connections per second, and how long a handshake may take. A question over HTTP is a connection
// here, from its headers to the end of its answer. Judges a request that is good otherwise, before
// it is answered, so that a client is told why in HTTP: 503 where the server has had enough, 429
// where that client has. Owns what a follower holds of the counts.
#pragma once

#include "ngx_mr_ws_module/handshake.h"
#include "ngx_mr_ws_module/ngx.h"

#include <cstdint>
#include <string_view>

namespace mr {

struct Follower;  // follower.h
struct NameShare; // name_ledger.h

// A full zone is logged this often.
inline constexpr ngx_msec_t kZoneComplaintMs = 10000;
// Counts of processes that are gone are looked for this often when somebody is to be refused.
inline constexpr ngx_msec_t kReapEveryMs = 1000;

// Inside every connection and every request.
struct LimitHolds {
    NameShare* address = nullptr;
    NameShare* subject = nullptr;
    NameShare* session = nullptr;
    bool counted = false; // in the connections of this process
};

// Before the access token is looked at.
Refusal judge_handshake_time(const ngx_http_request_t* r, const LocationConf& conf) noexcept;

// Counts the follower, or says why not. It knows its subject; `session` is the one it comes back
// to, empty for a new one.
Refusal limits_admit(const ngx_http_request_t* r, const Follower& follower,
                     std::string_view session, LimitHolds& holds) noexcept;

// Counts its session, which has just been made or joined. False: its subject has too many, which
// limits_admit() had let through because somebody else was as fast.
bool limits_take_session(const Follower& follower, LimitHolds& holds) noexcept;

// The follower is gone; also after a refusal.
void limits_release(LimitHolds& holds) noexcept;

} // namespace mr

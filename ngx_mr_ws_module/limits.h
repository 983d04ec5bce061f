// How many: connections of a process, of an address, of a subject, sessions of a subject, new
// connections per second, and how long a handshake may take. Judges a handshake that is good
// otherwise, before it is answered, so that a client is told why in HTTP: 503 where the server has
// had enough, 429 where that client has. Owns what a connection holds of the counts.
#pragma once

#include "ngx_mr_ws_module/handshake.h"
#include "ngx_mr_ws_module/ngx.h"

#include <cstdint>

namespace mr {

struct Connection; // connection.h
struct NameShare;  // name_ledger.h

// A full zone is logged this often.
inline constexpr ngx_msec_t kZoneComplaintMs = 10000;
// Counts of processes that are gone are looked for this often when somebody is to be refused.
inline constexpr ngx_msec_t kReapEveryMs = 1000;

// Inside every connection.
struct LimitHolds {
    NameShare* address = nullptr;
    NameShare* subject = nullptr;
    NameShare* session = nullptr;
    bool counted = false; // in the connections of this process
};

// Before the access token is looked at.
Refusal judge_handshake_time(const ngx_http_request_t* r, const LocationConf& conf) noexcept;

// Counts the connection, or says why not. `connection` knows its subject.
Refusal limits_admit(const ngx_http_request_t* r, const HandshakeHeaders& headers,
                     Connection& connection) noexcept;

// Counts its session, which has just been made or joined. False: its subject has too many, which
// limits_admit() had let through because somebody else was as fast.
bool limits_take_session(Connection& connection) noexcept;

// The connection is gone; also after a refusal.
void limits_release(Connection& connection) noexcept;

} // namespace mr

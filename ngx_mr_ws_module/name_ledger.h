// Connections counted by name over all nginx processes: by address, by subject, and the sessions of
// a subject. Owns the counters in the shared zone, and each process's share of them, which is what
// is taken back when a process was killed; never refuses anybody itself (limits.h does).
//
// A name takes about 200 bytes of the zone while it has a connection, and nothing afterwards. Where
// the zone is full nothing is counted, so a client more is let in rather than all of them refused.
#pragma once

#include "ngx_mr_ws_module/shared_zone.h"

#include <cstdint>
#include <string_view>

namespace mr {

enum class NameKind : uint8_t { address, subject, session };

// In the zone, with the name behind it. Lives while it counts something.
struct NameCounter {
    NameCounter* next = nullptr;   // of its bucket
    NameCounter* parent = nullptr; // a session's subject
    NameShare* shares = nullptr;
    uint64_t hash = 0;
    uint32_t connections = 0; // of all processes
    uint32_t sessions = 0;    // of a subject: how many have a connection
    uint16_t length = 0;
    NameKind kind = NameKind::address;

    std::string_view name() const noexcept {
        return {reinterpret_cast<const char*>(this + 1), length};
    }
};

// What one process has counted of it.
struct NameShare {
    NameCounter* counter = nullptr;
    ProcessSlot* slot = nullptr;
    NameShare* next = nullptr; // of the counter
    NameShare* slot_next = nullptr;
    NameShare* slot_previous = nullptr;
    uint32_t connections = 0;
};

enum class NameOutcome : uint8_t { counted, over_limit, zone_full };

// Counts one more connection of that name, unless there are `limit` already. `share` is then what
// names_release() wants back. `parent` is the subject of a session, whose limit is one of sessions:
// one that is open already takes any number of connections.
NameOutcome names_take(NameKind kind, std::string_view name, NameShare* parent, uint32_t limit,
                       NameShare*& share) noexcept;

// Null is fine, and becomes it.
void names_release(NameShare*& share) noexcept;

// True if the subject may have that session open; empty: a new one.
bool names_session_fits(const NameShare& subject, std::string_view session,
                        uint32_t limit) noexcept;

// All that a process has counted; with the zone's lock held.
void names_release_all(ZoneRoot& root, ProcessSlot& slot) noexcept;

} // namespace mr

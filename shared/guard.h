// The guards of the relay protocol, each of which a test may take away to prove that the judge of
// tests/chaos sees what it guards against. Only a build with MR_TEST_SWITCHES has the switch (the
// environment variable MR_BROKEN names one guard); everywhere else `removed` is false at compile
// time and the broken branches do not exist.
#pragma once

#include <cstdint>

#ifdef MR_TEST_SWITCHES
#include <cstdlib>
#include <string_view>
#endif

namespace mr {

enum class Guard : uint8_t {
    fencing,         // an owner writes under an epoch of its own, and stops when its lease ends
    gap,             // a follower takes an event only if it continues its position
    position,        // a busy session that is silent is read
    resubscription,  // the log is read after every subscription
    takeover_record, // appended and published in the script that claims
    pending_list,    // doorbells are recovered from it, not from the set of leases
    checkpoint,      // a new owner goes on from what the last one has done
    durability,      // events and checkpoints are in Redis: only to measure what that costs
};

#ifdef MR_TEST_SWITCHES

inline constexpr std::string_view kGuardNames[] = {
    "fencing",         "gap",          "position",   "resubscription",
    "takeover_record", "pending_list", "checkpoint", "durability"};

// Under another name than the release's: the two may meet in one program.
inline namespace switched {
inline bool removed(Guard guard) {
    static const char* const broken = std::getenv("MR_BROKEN");
    return broken != nullptr && kGuardNames[static_cast<uint8_t>(guard)] == broken;
}
} // namespace switched

#else

constexpr bool removed(Guard) {
    return false;
}

#endif

} // namespace mr

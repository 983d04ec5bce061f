// The queue of an account (worker/providers/rest/rate.h) in Redis, by the server's clock: one key,
// one value, which expires when it says nothing any more.
#pragma once

#include "shared/scripts.h"

namespace mr::redis {

// The value is "<due>:<held>", both in microseconds of Unix time: when the next call is due, and
// until when the account is on hold.
// KEYS queue
// ARGV op apart_us ahead_us time_us
//   "take": the next place, if it is no later than `time_us` from now
//   "again": for one who has waited for its place: 0, or another place if the account is on hold
//   "hold": nobody new is let through for `time_us`
// → microseconds to wait; negative: it would be so long, and no place was taken
extern const Script kRateScript;

} // namespace mr::redis

// The delivery rule of the out lane, as one pure function: what a follower whose newest event is
// `cursor` does with a batch. Used by the gateway for every connection, and by every test that
// judges exactly-once delivery. Never does I/O.
//
// A batch goes out iff it continues the cursor without a gap in the same epoch, or it is the
// takeover record whose `prev` is the cursor. What lies at or below the cursor is dropped; anything
// else is a gap: read the log from the cursor. An entry *read from the log* behind the cursor that
// is still a gap means that the log no longer knows the cursor (trimmed, expired, or rolled back):
// the loss is announced, never glossed over.
#pragma once

#include "shared/envelope.h"
#include "shared/guard.h"
#include "shared/ids.h"

#include <cstdint>

namespace mr {

enum class Verdict : uint8_t { deliver, drop, gap };

struct Delivery {
    Verdict verdict = Verdict::drop;
    uint32_t skip = 0; // events at the front of the batch that the follower already has
    EventId cursor;    // the follower's cursor after delivery
};

inline Delivery judge(EventId cursor, const BatchHeader& batch) {
    const EventId last = batch.last();
    if (last <= cursor) {
        return {Verdict::drop, 0, cursor};
    }
    if (batch.kind == BatchKind::takeover) {
        const bool continues = batch.prev == cursor || removed(Guard::gap);
        return continues ? Delivery{Verdict::deliver, 0, last} : Delivery{Verdict::gap, 0, cursor};
    }
    if (removed(Guard::gap) && (batch.epoch != cursor.epoch || batch.first_seq > cursor.seq + 1)) {
        return {Verdict::deliver, 0, last};
    }
    if (batch.epoch != cursor.epoch || batch.first_seq > cursor.seq + 1) {
        return {Verdict::gap, 0, cursor};
    }
    return {Verdict::deliver, static_cast<uint32_t>(cursor.seq + 1 - batch.first_seq), last};
}

} // namespace mr

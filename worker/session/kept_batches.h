// The batches of an out lane that Redis has acknowledged and may still lose, in few bytes, and the
// very same bytes again when it has. What can be made again from something that is held anyway (an
// event with a piece of an answer, from the answer) is kept as its place there; all else as it is.
// Knows nothing of Redis, and of events only how they stand in a batch.
#pragma once

#include "shared/buffer.h"
#include "shared/bytes.h"
#include "shared/envelope.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mr {

class EventMaker;

// Where the text of an event stands in the whole, and what its maker has to know besides.
struct EventPlace {
    std::shared_ptr<const EventMaker> maker; // null: the event cannot be made again
    size_t begin = 0;
    size_t length = 0;
    size_t units = 0; // in front of it, as clients count
    int64_t ts_ms = 0;
};

struct MadeEvent {
    uint32_t turn = 0;
    uint32_t v1_length = 0;
    std::string bytes;
};

class EventMaker {
  public:
    virtual ~EventMaker() = default;
    // As it was when it was added to the lane, byte for byte, whenever it is asked. Without flags.
    virtual MadeEvent make(const EventPlace& place, EventId id) const = 0;
};

class KeptBatches {
  public:
    using Clock = std::chrono::steady_clock;

    struct Batch {
        uint64_t first_seq = 0;
        uint64_t last_seq = 0;
        EventPlace place; // of its one event
        Buffer bytes;
    };

    explicit KeptBatches(uint64_t epoch) : epoch_(epoch) {}

    // Behind all others, which are older. `batch.place` may have no maker.
    void keep(const Batch& batch, Clock::time_point acknowledged);
    // What was acknowledged before that, and what there is above `max_bytes` goes.
    void drop_before(Clock::time_point oldest, size_t max_bytes);
    // All behind `top_seq`, taken out, oldest first. Null: they are not all here; none is taken.
    std::optional<std::vector<Batch>> take_behind(uint64_t top_seq);

    bool empty() const { return from_ == records_.size(); }
    size_t bytes() const { return bytes_; }                   // about what they were
    size_t held_bytes() const { return records_.capacity(); } // what they are

  private:
    // What a record goes on from: the one in front of it.
    struct Cursor {
        uint64_t seq = 0; // of its last event
        int64_t at_ms = 0;
        int64_t ts_ms = 0;
        uint64_t end = 0;   // of its text
        uint64_t units = 0; // about there
        size_t maker = 0;   // its number; 0: in_force_
    };
    struct Record;

    Record read(Cursor& cursor, size_t& at) const;
    Batch batch_of(uint64_t before_seq, const Cursor& cursor, const Record& record) const;
    const std::shared_ptr<const EventMaker>& maker(size_t number) const {
        return number == 0 ? in_force_ : brought_[number - 1];
    }
    void append(ByteView record);
    void settle();

    uint64_t epoch_;
    Buffer records_; // those in front of from_ are gone
    size_t from_ = 0;
    size_t bytes_ = 0;
    Cursor front_;                                           // in front of the first
    Cursor back_;                                            // at the last
    std::shared_ptr<const EventMaker> in_force_;             // in front of the first
    std::vector<std::shared_ptr<const EventMaker>> brought_; // by records, in their order
};

} // namespace mr

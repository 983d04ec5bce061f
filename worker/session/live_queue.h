// Events of a session that are published and never logged (kEventLiveOnly: spoken audio), between
// the app and Redis. Each has a place among the logged ones, behind those added before it, and no
// number of its own: a batch of them names the number that the next logged event gets, and goes
// out when everything before that is published. Gateways hand it on to whoever stands there at that
// moment, and forget it.
//
// What Redis has not taken is bounded: more is refused, not kept.
#pragma once

#include "shared/envelope.h"
#include "shared/keys.h"
#include "worker/session/flusher.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>

namespace mr {

// Of one session: waiting here, or sent and not answered. 30 s of speech at 16 kHz.
inline constexpr size_t kMaxLiveBytes = 1024 * 1024;

class LiveQueue {
  public:
    LiveQueue(std::shared_ptr<Flusher> flusher, const KeyText& channel);

    // Behind every logged event below `before`. False: not taken.
    bool add(EventId before, uint8_t flags, ByteView bytes, uint32_t turn);

    // Everything below `seq` is published.
    void publish_to(uint64_t seq);

    bool empty() const { return waiting_.empty(); }
    void clear();

  private:
    struct Batch {
        explicit Batch(EventId place) : before(place) {}
        Batch(const Batch&) = delete; // the writer knows where the bytes are
        Batch& operator=(const Batch&) = delete;
        EventId before;
        Buffer bytes;
        BatchWriter writer{bytes};
    };

    std::shared_ptr<Flusher> flusher_;
    KeyText channel_;
    std::list<Batch> waiting_; // unlike a deque, nothing while it is empty
    size_t waiting_bytes_ = 0;
    std::shared_ptr<size_t> unanswered_bytes_; // outlives this in the handlers of replies
};

} // namespace mr

// When which event of which session is due: what the floor and the publisher of bench/peers write.
// Knows no sockets and no clock.
#pragma once

#include "bench/load/peer_dialect.h"

#include <cstdint>
#include <functional>
#include <queue>
#include <unordered_map>
#include <vector>

namespace mr::bench {

inline constexpr int64_t kNeverDue = INT64_MAX;
// Of a stream without a rate, one after the other: what a server can write at once is its gain.
inline constexpr size_t kEventsOfATurn = 16;

class Streams {
  public:
    // `owner` names the stream in what follows, one stream each; a second start replaces the first.
    // Its first event is due one interval after `now_ns`. As in the worker's app `bench`, events
    // are due on whole milliseconds: who writes them wakes up once for all of a millisecond.
    // Without a rate they are due when those before have been taken: streams take turns.
    void start(uint64_t owner, const PeerStart& start, int64_t now_ns);
    void stop(uint64_t owner);

    int64_t next_due_ns() const; // kNeverDue: of none

    struct Due {
        uint64_t owner = 0;
        const PeerStart* start = nullptr; // until the stream is stopped or over
        PeerStamp stamp;
    };
    // The events that are due by then, the earliest first, and no more than `most`.
    void take_due(int64_t now_ns, size_t most, const std::function<void(const Due&)>& take);

    size_t size() const { return streams_.size(); }

  private:
    struct Stream {
        PeerStart start;
        int64_t begun_ns = 0;
        uint64_t next_seq = 0;
        uint64_t life = 0;
    };
    struct Place {
        int64_t due_ns;
        uint64_t owner, life, turn;
        bool operator<(const Place& other) const { // the last is the first to be taken
            return due_ns != other.due_ns ? due_ns > other.due_ns : turn > other.turn;
        }
    };

    static int64_t due_of(const Stream& stream, int64_t now_ns);
    void queue(uint64_t owner, const Stream& stream, int64_t now_ns);

    std::unordered_map<uint64_t, Stream> streams_;
    std::priority_queue<Place> due_; // places of streams that are gone lie there until their time
    uint64_t lives_ = 0, turns_ = 0;
};

} // namespace mr::bench

#include "bench/peers/streams.h"

#include "bench/load/clock.h"

namespace mr::bench {

int64_t Streams::due_of(const Stream& stream, int64_t now_ns) {
    if (stream.start.rate == 0) {
        return now_ns;
    }
    // kMaxPeerCount seconds in nanoseconds fit; the rate divides last, so that nothing drifts.
    const auto passed = static_cast<int64_t>((stream.next_seq + 1) *
                                             static_cast<uint64_t>(kNsPerS) / stream.start.rate);
    const int64_t exact = stream.begun_ns + passed;
    return (exact + kNsPerMs - 1) / kNsPerMs * kNsPerMs;
}

void Streams::start(uint64_t owner, const PeerStart& start, int64_t now_ns) {
    static_assert(kMaxPeerCount <= UINT64_MAX / uint64_t{kNsPerS} - 1);
    Stream& stream = streams_[owner];
    stream = {start, now_ns, 0, ++lives_};
    queue(owner, stream, now_ns);
}

void Streams::queue(uint64_t owner, const Stream& stream, int64_t now_ns) {
    due_.push({due_of(stream, now_ns), owner, stream.life, ++turns_});
}

void Streams::stop(uint64_t owner) {
    streams_.erase(owner);
}

int64_t Streams::next_due_ns() const {
    return due_.empty() ? kNeverDue : due_.top().due_ns;
}

void Streams::take_due(int64_t now_ns, size_t most, const std::function<void(const Due&)>& take) {
    for (size_t taken = 0; taken < most && !due_.empty() && due_.top().due_ns <= now_ns;) {
        const Place place = due_.top();
        due_.pop();
        const auto found = streams_.find(place.owner);
        if (found == streams_.end() || found->second.life != place.life) {
            continue;
        }
        Stream& stream = found->second;
        size_t turn = stream.start.rate == 0 ? kEventsOfATurn : 1;
        do {
            ++taken;
            take({place.owner, &stream.start, {stream.next_seq, place.due_ns}});
        } while (++stream.next_seq != stream.start.count && --turn != 0 && taken < most);
        if (stream.next_seq == stream.start.count) {
            streams_.erase(found);
        } else {
            queue(place.owner, stream, now_ns);
        }
    }
}

} // namespace mr::bench

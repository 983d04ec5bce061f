// The audio of one microphone between its coming and its being recognised for good: what is still
// to be sent, and behind it what was sent and would have to be sent again to another connection.
// Both are bounded; places are samples of the stream. Pure.
#pragma once

#include "worker/voice/audio.h"

#include <cstddef>
#include <cstdint>
#include <deque>

namespace mr::voice::deepgram {

class AudioWindow {
  public:
    // False: too much waits, these are a gap.
    bool append(PcmView samples);

    struct Piece {
        uint64_t at = 0;
        Pcm samples; // empty: there are none
    };
    // The next to be sent, without a gap in it and not beyond that place.
    Piece take(size_t max_samples, uint64_t not_beyond);
    // Samples that take() could give, over gaps.
    size_t unsent_before(uint64_t place) const;
    size_t unsent() const { return unsent_before(end_); }

    // Before this place all is recognised for good.
    void cover(uint64_t place);
    // The connection is lost: what is not covered is to be sent again.
    void rewind();

    uint64_t end() const { return end_; }   // behind the last sample that came, taken or not
    uint64_t sent() const { return sent_; } // before it nothing is to be sent

  private:
    void drop_before(uint64_t place);

    std::deque<Piece> pieces_; // in order, none empty
    uint64_t end_ = 0;
    uint64_t sent_ = 0;
    size_t limit_ = 0; // of unsent samples, while more than usual waits behind a rewind
};

// Where in the stream the seconds of one connection are: places of a gap were never sent, so the
// connection's own clock does not know them.
class ConnectionClock {
  public:
    void sent(uint64_t at, size_t samples);
    uint64_t place(double seconds) const;

  private:
    struct Run {
        uint64_t sent = 0; // samples sent before it
        uint64_t at = 0;   // its place
    };
    static constexpr size_t kMaxRuns = 256; // older ones are not asked for any more
    std::deque<Run> runs_;
    uint64_t sent_ = 0; // samples, all
    uint64_t next_ = 0; // place behind the last
};

} // namespace mr::voice::deepgram

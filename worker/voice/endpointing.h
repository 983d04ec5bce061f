// Where speech begins and ends, from what a voice activity detector says of one frame after the
// other. Pure: its only clock is the samples that went by. It holds no sound and recognises
// nothing; the caller cuts the windows it names out of the stream.
#pragma once

#include "worker/voice/audio.h"
#include "worker/voice/recogniser.h"

#include <cstdint>
#include <vector>

namespace mr::voice {

struct EndpointingOptions {
    TalkMode mode = TalkMode::hands_free;
    double start_threshold = 0.5; // a frame of this probability is speech
    double stop_threshold = 0.35; // one below this is silence; between the two nothing changes
    int64_t min_speech_ms = 96;   // less than this is no speech
    int64_t pre_roll_ms = 300;    // belongs to the window in front of the first frame of speech
    int64_t speculate_ms = 190;   // silence after which the utterance may be over
    int64_t hang_over_ms = 500;   // silence after which it is over, hands-free
    int64_t max_utterance_ms = 30'000;
};

enum class EndpointKind : uint8_t {
    started,   // speech: of this utterance everything else follows
    pause,     // it may be over; what is in the window is worth recognising now
    resumed,   // it was not: speech goes on
    stopped,   // it is over
    no_speech, // the answer to release() without an utterance
};

struct Endpoint {
    EndpointKind kind = EndpointKind::started;
    uint64_t at = 0;    // started: the first frame of speech; otherwise: behind the last one
    uint64_t begin = 0; // the window with everything of the utterance so far: [begin, end)
    uint64_t end = 0;
};

class Endpointing {
  public:
    explicit Endpointing(const EndpointingOptions& options);

    // The next frame, of `samples` samples. Appends what it means, at most two endpoints.
    void frame(double probability, uint64_t samples, std::vector<Endpoint>& out);
    // The key was released behind the frames so far: ends the utterance at once, in every mode.
    void release(std::vector<Endpoint>& out);

    bool speaking() const noexcept { return state_ == State::speech || state_ == State::silence; }
    // Sound in front of this place is in no window to come.
    uint64_t needed_from() const noexcept;

  private:
    enum class State : uint8_t { idle, candidate, speech, silence };

    void candidate(bool speech, bool silence, std::vector<Endpoint>& out);
    void utterance(bool speech, bool silence, std::vector<Endpoint>& out);
    void begin_candidate(uint64_t at);
    void stop(std::vector<Endpoint>& out);
    Endpoint endpoint(EndpointKind kind) const noexcept;

    EndpointingOptions options_;
    State state_ = State::idle;
    uint64_t frame_begin_ = 0;
    uint64_t now_ = 0;         // behind the last frame
    uint64_t free_from_ = 0;   // behind the window of the utterance before
    uint64_t onset_ = 0;       // of the candidate or the utterance
    uint64_t last_speech_ = 0; // behind the last frame of speech
    uint64_t voiced_ = 0;      // samples of speech in the candidate
    bool paused_ = false;      // `pause` was said and neither `resumed` nor `stopped`
};

} // namespace mr::voice

// One answer being spoken: cut into clauses while it is written, made into sound by the
// synthesiser, sent as segments a little ahead of real time. Knows at any moment how much of it has
// been heard, as far as the client says, else by the clock.
#pragma once

#include "worker/apps/heard.h"
#include "worker/apps/play_clock.h"
#include "worker/apps/voice_events.h"
#include "worker/apps/voice_services.h"
#include "worker/async.h"

#include <boost/asio/cancellation_signal.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mr {

inline constexpr std::chrono::milliseconds kSoundPiece{100}; // of one tts_audio
inline constexpr size_t kMaxClausesAhead = 4;                // with the synthesiser, not spoken yet

class VoiceSpeaker : public std::enable_shared_from_this<VoiceSpeaker> {
  public:
    using Clock = std::chrono::steady_clock;

    struct Answer {
        std::string turn_id;
        std::string stream_id; // of the microphone that asked
        std::string traceparent;
        std::string voice;
        double speed = 1.0;
        bool binary = false;
        std::vector<SpokenSegment> told; // by earlier owners: progress alone
    };

    VoiceSpeaker(VoiceEvents& events, const VoiceServices& services, Answer answer);

    std::function<void()> on_first_sound; // of the answer itself
    std::function<void()> on_quiet;       // nothing more will be sent

    void start();
    void add(std::string_view text);
    void end(); // of the answer
    void doing(std::string_view message);
    // The listener may be about to interrupt: no further sound. go_on() takes it back.
    void hold();
    void go_on();
    // What the client says it has played; `exact`: it plays nothing at the moment.
    void played(HeardPlace place, bool exact);
    HeardPlace place(int64_t ms_of_all) const { return place_of(segments_, ms_of_all); }
    void stop();

    const Answer& answer() const { return answer_; }
    bool stopped() const { return stopped_; }
    bool held() const { return held_; }
    bool sending() const { return !stopped_ && !done_; }
    // Somebody may be hearing it at this moment, or is about to.
    bool audible() const { return sending() || (!stopped_ && clock_.ahead(Clock::now()) > 0); }
    Heard heard() const;

  private:
    struct Saying { // a clause with the synthesiser, or waiting for it
        VoiceClause clause;
        bool progress = false;
    };

    void go_on_behind();
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<void> speak();
    boost::asio::awaitable<void> wait_for_clause();
    boost::asio::awaitable<void> send(voice::SpokenAudio audio);
    boost::asio::awaitable<void> wait_room();
    void take_clauses();
    void say_more();
    void begin_segment(const Saying& saying);
    void send_piece();
    void end_segment(bool last);
    void finished(const std::string& why);
    nlohmann::ordered_json event(std::string_view type) const;

    // voice_progress.cpp
    void watch_progress(std::chrono::milliseconds time);
    void tell_progress();
    void chime();

    VoiceEvents& events_;
    const VoiceServices& services_;
    Answer answer_;
    std::unique_ptr<VoiceClauses> clauses_;
    std::unique_ptr<voice::SpeechStream> stream_;
    unsigned rate_ = 0;
    std::deque<Saying> waiting_;          // not with the synthesiser yet
    std::deque<Saying> saying_;           // with it; the first one is number first_saying_
    uint32_t first_saying_ = 0;           // in the numbers of the synthesiser
    uint32_t said_ = 0;                   // given to it
    std::vector<SpokenSegment> segments_; // as the client knows them
    voice::Pcm piece_;
    PlayClock clock_;
    std::optional<HeardPlace> told_; // by the client
    bool told_exactly_ = false;
    Signal wake_;
    boost::asio::steady_timer progress_;
    boost::asio::cancellation_signal cancellation_;
    std::string doing_;
    unsigned progress_told_ = 0;
    size_t taken_bytes_ = 0;    // of the answer
    bool ended_ = false;        // the answer is whole
    bool end_told_ = false;     // and the synthesiser knows
    bool open_segment_ = false; // tts_start has no tts_end yet
    bool end_due_ = false;      // which waits until it is known whether it is the last
    uint64_t segment_samples_ = 0;
    bool answered_ = false; // sound of the answer itself has been sent
    bool held_ = false;
    bool stopped_ = false;
    bool done_ = false;
};

} // namespace mr

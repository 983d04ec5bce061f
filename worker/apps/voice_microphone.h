// One microphone of a session: takes its sound, at whatever rate, and hands on what the recogniser
// makes of it. Places are milliseconds of the client's stream. Owns the recogniser's stream, and
// gives it back when the utterance that was under way at release() is through.
//
// Never holds more sound than the recogniser's own bound and kMaxOpeningMs.
#pragma once

#include "shared/bytes.h"
#include "worker/apps/voice_message.h"
#include "worker/apps/voice_services.h"
#include "worker/async.h"

#include <boost/asio/cancellation_signal.hpp>
#include <deque>
#include <memory>
#include <string>

namespace mr {

inline constexpr int64_t kMaxOpeningMs = voice::kMaxRecogniserBacklogMs; // kept until it is open
inline constexpr std::chrono::seconds kFinishLimit{10}; // for the last transcript, behind release()
inline constexpr size_t kMaxArrivals = 512;             // remembered, of the latest frames

class VoiceMicrophone;

class MicrophoneOwner {
  public:
    virtual ~MicrophoneOwner() = default;
    virtual void microphone_open(VoiceMicrophone& microphone) = 0;
    virtual void microphone_heard(VoiceMicrophone& microphone,
                                  const voice::RecognitionEvent& event) = 0;
    // Over: `why` is empty after release() and silence, else the reason, for the user. The
    // microphone is gone when this returns.
    virtual void microphone_closed(VoiceMicrophone& microphone, std::string why) = 0;
};

class VoiceMicrophone : public std::enable_shared_from_this<VoiceMicrophone> {
  public:
    using Clock = std::chrono::steady_clock;
    enum class Took : unsigned char { taken, bad_length, overrun };

    // `setup` is a voice_start or voice_resume, checked. Throws VoiceError for a rate that nobody
    // resamples.
    static std::shared_ptr<VoiceMicrophone> make(const boost::asio::any_io_executor& executor,
                                                 const VoiceServices& services,
                                                 MicrophoneOwner& owner, VoiceMessage setup);

    // The owner may hear of it before this returns.
    void open();

    const VoiceMessage& setup() const { return setup_; }
    bool is_open() const { return stream_ != nullptr; }
    bool released() const { return released_; }

    Took audio(ByteView pcm);
    void release();                // no sound follows: what has been heard is the last utterance
    void close();                  // at once, without a word
    void give_up() { closed({}); } // the same, and the owner hears of it

    // The client goes on from here, which is not before what has been received.
    void skip_to(int64_t ms);
    int64_t received_ms() const;
    // A place of the recogniser's in the client's stream.
    int64_t place_ms(uint64_t at) const { return base_ms_ + voice::to_ms(at); }
    Clock::time_point heard_at() const { return heard_at_; } // the last sound; never: its opening
    // When the sound before this place (in the recogniser's samples) arrived.
    Clock::time_point arrived(uint64_t at) const;

  private:
    VoiceMicrophone(const boost::asio::any_io_executor& executor, const VoiceServices& services,
                    MicrophoneOwner& owner, VoiceMessage setup);

    struct Arrival {
        uint64_t at = 0; // samples of the recogniser's that had arrived by then
        Clock::time_point time;
    };

    boost::asio::awaitable<void> run();
    boost::asio::awaitable<void> listen();
    bool ends_it(const voice::RecognitionEvent& event) const;
    bool give(voice::PcmView samples);
    void watch_silence(std::chrono::milliseconds limit);
    void closed(std::string why);

    boost::asio::any_io_executor executor_;
    const VoiceServices& services_;
    MicrophoneOwner* owner_; // null: nobody wants to know any more
    VoiceMessage setup_;
    Resample resample_; // empty: as it comes
    std::unique_ptr<voice::RecognitionStream> stream_;
    voice::Pcm opening_; // until there is a stream
    std::deque<Arrival> arrivals_;
    uint64_t given_ = 0;    // samples to the recogniser, refused ones included
    uint64_t received_ = 0; // samples of the client's
    int64_t base_ms_ = 0;
    Clock::time_point heard_at_ = Clock::now();
    boost::asio::steady_timer silence_;
    boost::asio::cancellation_signal cancellation_;
    bool released_ = false;
    bool done_ = false; // the coroutine
};

} // namespace mr

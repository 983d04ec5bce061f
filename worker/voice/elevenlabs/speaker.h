// One answer on its way through ElevenLabs: clause by clause, each a request, tried again before
// its first sound where that may help.
#pragma once

#include "worker/async.h"
#include "worker/voice/elevenlabs/pcm_receiver.h"
#include "worker/voice/elevenlabs/places.h"
#include "worker/voice/elevenlabs/requests.h"
#include "worker/voice/speech_queue.h"

#include <memory>
#include <string>

namespace mr::voice::elevenlabs {

// What all answers share.
struct Core {
    Core(std::shared_ptr<net::HttpClient> client, std::string secret, ElevenLabsOptions settings)
        : http(std::move(client)), key(std::move(secret)), options(std::move(settings)),
          places(options.max_concurrent) {}

    std::shared_ptr<net::HttpClient> http;
    std::string key;
    ElevenLabsOptions options;
    Places places;
    unsigned streams = 0; // open
};

// What makes the sound of one answer, by whichever way.
class Work {
  public:
    virtual ~Work() = default;
    // Until it is cancelled, or the queue has failed.
    virtual boost::asio::awaitable<void> run() = 0;
    // There may be something to do: a clause, or room for sound.
    virtual void look() = 0;
};

class Speaker final : public Work {
  public:
    Speaker(const boost::asio::any_io_executor& executor, std::shared_ptr<Core> core,
            std::shared_ptr<SpeechQueue> queue, Utterance utterance);

    boost::asio::awaitable<void> run() override;
    void look() override;

  private:
    struct Attempt;
    boost::asio::awaitable<void> speak(SaidClause clause);
    boost::asio::awaitable<Attempt> attempt(uint32_t segment);
    Attempt outcome_of(const PcmReceiver& receiver) const;
    Attempt lost(const net::HttpError& error, const PcmReceiver& receiver) const;
    void report(const Attempt& attempt, int tried, std::chrono::milliseconds wait) const;
    void remember(const std::string& text);

    std::shared_ptr<Core> core_;
    std::shared_ptr<SpeechQueue> queue_;
    Signal work_;
    Utterance utterance_;
    PcmReceiver* receiver_ = nullptr; // of the request under way
};

} // namespace mr::voice::elevenlabs

// Streams of recognition from an embedded engine: a model of whole utterances, a voice activity
// detector and endpointing. The detector has a thread of its own, the models a small pool; on the
// loop there is nothing but bookkeeping.
//
// While somebody speaks, the growing window is recognised again and again for partial transcripts,
// as long as nobody else needs the threads. In the first silence the utterance is recognised as if
// it were over; if it is, the result is there when the end of speech is found.
#pragma once

#include "worker/voice/endpointing.h"
#include "worker/voice/recogniser.h"
#include "worker/voice/utterance_model.h"
#include "worker/voice/vad.h"

#include <boost/asio/any_io_executor.hpp>

namespace mr::voice {

struct LocalRecogniserOptions {
    unsigned threads = 1;           // that recognise
    size_t max_streams = 8;         // open at a time
    int64_t partial_every_ms = 500; // of sound between two partial transcripts, at least
    EndpointingOptions endpointing; // its mode is that of each stream
};

struct ListeningCore; // local_stream.h

class LocalRecogniser final : public Recogniser {
  public:
    // Streams may outlive it; the loop outlives both.
    LocalRecogniser(boost::asio::any_io_executor loop, const LocalRecogniserOptions& options,
                    std::unique_ptr<UtteranceModelFactory> models,
                    std::unique_ptr<VadFactory> detectors);
    ~LocalRecogniser() override;

    std::string_view engine() const override;
    boost::asio::awaitable<std::unique_ptr<RecognitionStream>>
    open(RecognitionOptions options) override;

  private:
    std::shared_ptr<ListeningCore> core_;
};

} // namespace mr::voice

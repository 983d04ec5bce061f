#include "worker/voice/local_recogniser.h"

#include "worker/voice/local_stream.h"

#include <utility>

namespace mr::voice {

namespace asio = boost::asio;

namespace {

bool understood(std::string_view language) {
    return language.empty() || language.substr(0, 2) == "en";
}

// What the session holds: its end is the end of the stream's work.
class OpenStream final : public RecognitionStream {
  public:
    OpenStream(std::shared_ptr<ListeningCore> core, TalkMode mode)
        : core_(std::move(core)), stream_(std::make_shared<LocalStream>(core_, mode)) {
        ++core_->streams;
    }
    OpenStream(const OpenStream&) = delete;
    OpenStream& operator=(const OpenStream&) = delete;
    ~OpenStream() override {
        stream_->close();
        --core_->streams;
    }

    bool audio(PcmView samples) override { return stream_->audio(samples); }
    void release() override { stream_->release(); }
    asio::awaitable<RecognitionEvent> next() override { return LocalStream::next(stream_); }

  private:
    std::shared_ptr<ListeningCore> core_;
    std::shared_ptr<LocalStream> stream_;
};

} // namespace

LocalRecogniser::LocalRecogniser(asio::any_io_executor loop, const LocalRecogniserOptions& options,
                                 std::unique_ptr<UtteranceModelFactory> models,
                                 std::unique_ptr<VadFactory> detectors)
    : core_(std::make_shared<ListeningCore>(std::move(loop), options, std::move(models),
                                            std::move(detectors))) {}

LocalRecogniser::~LocalRecogniser() = default;

std::string_view LocalRecogniser::engine() const {
    return core_->models.engine();
}

asio::awaitable<std::unique_ptr<RecognitionStream>>
LocalRecogniser::open(RecognitionOptions options) {
    if (!understood(options.language)) {
        throw VoiceError(VoiceFault::refused,
                         "only English is understood here; ask with language \"en\"");
    }
    const size_t places = core_->options.max_streams;
    if (core_->streams >= places) {
        throw all_taken(places);
    }
    std::unique_ptr<RecognitionStream> stream = std::make_unique<OpenStream>(core_, options.mode);
    co_return stream;
}

} // namespace mr::voice

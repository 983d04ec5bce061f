#include "worker/voice/snapped_recogniser.h"

#include <utility>

namespace mr::voice {

namespace asio = boost::asio;

namespace {

class SnappedStream final : public RecognitionStream {
  public:
    SnappedStream(std::unique_ptr<RecognitionStream> inner, std::shared_ptr<const Vocabulary> names)
        : inner_(std::move(inner)), names_(std::move(names)) {}

    bool audio(PcmView samples) override { return inner_->audio(samples); }
    void release() override { inner_->release(); }
    asio::awaitable<RecognitionEvent> next() override {
        RecognitionEvent event = co_await inner_->next();
        if (auto* transcript = std::get_if<Transcript>(&event)) {
            transcript->text = names_->snap(transcript->text);
        }
        co_return event;
    }

  private:
    std::unique_ptr<RecognitionStream> inner_;
    std::shared_ptr<const Vocabulary> names_;
};

} // namespace

SnappedRecogniser::SnappedRecogniser(std::unique_ptr<Recogniser> inner,
                                     std::shared_ptr<const Vocabulary> names)
    : inner_(std::move(inner)), names_(std::move(names)) {}

asio::awaitable<std::unique_ptr<RecognitionStream>>
SnappedRecogniser::open(RecognitionOptions options) {
    std::unique_ptr<RecognitionStream> inner = co_await inner_->open(std::move(options));
    std::unique_ptr<RecognitionStream> stream =
        std::make_unique<SnappedStream>(std::move(inner), names_);
    co_return stream;
}

} // namespace mr::voice

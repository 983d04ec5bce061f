#include "worker/voice/deepgram/deepgram.h"

#include "worker/voice/deepgram/stream.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>

namespace mr::voice::deepgram {
namespace {

namespace asio = boost::asio;

class OwnedStream final : public RecognitionStream {
  public:
    explicit OwnedStream(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
    ~OwnedStream() override { stream_->stop(); }

    bool audio(PcmView samples) override { return stream_->audio(samples); }
    void release() override { stream_->release(); }
    asio::awaitable<RecognitionEvent> next() override { return stream_->next(); }

  private:
    std::shared_ptr<Stream> stream_;
};

class Deepgram final : public Recogniser {
  public:
    explicit Deepgram(Options options) : shared_(std::make_shared<Shared>(std::move(options))) {
        const std::string& url = shared_->options.base_url;
        if (url.starts_with("https") || url.starts_with("wss")) {
            shared_->trust = net::TlsTrust::load(shared_->options.ca_file);
        }
    }

    std::string_view engine() const override { return "deepgram"; }

    asio::awaitable<std::unique_ptr<RecognitionStream>> open(RecognitionOptions options) override {
        const std::shared_ptr<Shared> shared = shared_;
        if (shared->streams >= shared->options.max_streams) {
            throw all_taken(shared->options.max_streams);
        }
        const auto executor = co_await asio::this_coro::executor;
        const auto stream = std::make_shared<Stream>(executor, shared, std::move(options));
        co_await stream->open();
        asio::co_spawn(executor, [stream] { return stream->run(); }, asio::detached);
        std::unique_ptr<RecognitionStream> owned = std::make_unique<OwnedStream>(stream);
        co_return owned;
    }

  private:
    std::shared_ptr<Shared> shared_;
};

} // namespace

std::unique_ptr<Recogniser> make_recogniser(Options options) {
    return std::make_unique<Deepgram>(std::move(options));
}

} // namespace mr::voice::deepgram

#include "worker/voice/elevenlabs/elevenlabs.h"

#include "worker/encoding.h"
#include "worker/log.h"
#include "worker/voice/elevenlabs/default_voices.h"
#include "worker/voice/elevenlabs/socket.h"
#include "worker/voice/elevenlabs/speaker.h"

#include <algorithm>
#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <map>
#include <utility>

namespace mr::voice {
namespace {

namespace asio = boost::asio;
using elevenlabs::Core;
using elevenlabs::Speaker;
using elevenlabs::Utterance;

constexpr std::array kRates{8'000U, 16'000U, 22'050U, 24'000U, 44'100U, 48'000U};
constexpr std::chrono::seconds kLookUpTime{10};

// Outlives its stream until its coroutine has ended.
struct Running {
    std::unique_ptr<elevenlabs::Work> work;
    asio::cancellation_signal cancel;
};

std::unique_ptr<elevenlabs::Work> make_work(const asio::any_io_executor& executor,
                                            std::shared_ptr<Core> core,
                                            std::shared_ptr<SpeechQueue> queue,
                                            Utterance utterance) {
    if (core->options.socket) {
        return std::make_unique<elevenlabs::Socket>(executor, core, std::move(queue),
                                                    std::move(utterance));
    }
    return std::make_unique<Speaker>(executor, core, std::move(queue), std::move(utterance));
}

class ElevenLabsStream final : public QueuedSpeech {
  public:
    ElevenLabsStream(const asio::any_io_executor& executor, std::shared_ptr<Core> core,
                     std::shared_ptr<SpeechQueue> queue, Utterance utterance)
        : QueuedSpeech(queue), core_(core), running_(std::make_shared<Running>()) {
        running_->work = make_work(executor, core, queue, std::move(utterance));
        ++core_->streams;
        queue->on_work = [work = running_->work.get()] { work->look(); };
        asio::co_spawn(
            executor, running_->work->run(),
            asio::bind_cancellation_slot(running_->cancel.slot(),
                                         [keep = running_](const std::exception_ptr&) {}));
    }
    ~ElevenLabsStream() override {
        --core_->streams;
        queue_->close(); // first: nothing is to be told any more
        running_->cancel.emit(asio::cancellation_type::terminal);
    }

  private:
    std::shared_ptr<Core> core_;
    std::shared_ptr<Running> running_;
};

class ElevenLabs final : public Synthesiser {
  public:
    ElevenLabs(std::shared_ptr<net::HttpClient> http, std::string key, ElevenLabsOptions options)
        : core_(std::make_shared<Core>(http, key, std::move(options))),
          voices_(http, make_key_credential("xi-api-key: ", key), voices_options(core_->options)) {
        if (std::ranges::find(kRates, core_->options.rate) == kRates.end()) {
            throw VoiceError(VoiceFault::refused,
                             "ElevenLabs has no sound at " + std::to_string(core_->options.rate) +
                                 " samples a second: 8000, 16000, 22050, 24000, 44100 or 48000");
        }
    }

    std::string_view engine() const override { return "elevenlabs"; }
    unsigned sample_rate() const override { return core_->options.rate; }

    asio::awaitable<std::unique_ptr<SpeechStream>> open(SpeechOptions options) override {
        if (core_->streams >= core_->options.max_streams) {
            throw too_many_spoken();
        }
        const bool own = options.voice.empty();
        std::string name = own ? core_->options.voice : options.voice;
        Utterance utterance;
        utterance.speed = std::clamp(options.speed, kMinSpeed, kMaxSpeed);
        utterance.trace = options.trace;
        std::optional<std::string> id = co_await voice_id(std::move(name), options.trace);
        if (!id) { // the setting's is ours to correct, any other its asker's
            throw VoiceError(own ? VoiceFault::refused : VoiceFault::bad_input,
                             "the voice service has no voice of that name for this server");
        }
        utterance.voice_id = std::move(*id);
        const auto executor = co_await asio::this_coro::executor;
        auto queue = std::make_shared<SpeechQueue>(executor, core_->options.rate);
        std::unique_ptr<SpeechStream> stream = std::make_unique<ElevenLabsStream>(
            executor, core_, std::move(queue), std::move(utterance));
        co_return stream;
    }

  private:
    static rest::ApiOptions voices_options(ElevenLabsOptions& options) {
        while (options.endpoint.base_url.ends_with('/')) {
            options.endpoint.base_url.pop_back();
        }
        return rest::api_options("elevenlabs", "The voice service", options);
    }

    // By the account's list, else by what every account has. Nullopt: there is none of that name.
    asio::awaitable<std::optional<std::string>> voice_id(std::string name, std::string trace) {
        if (elevenlabs::is_voice_id(name)) {
            co_return name;
        }
        name = elevenlabs::lower_case(name);
        if (const auto known = ids_.find(name); known != ids_.end()) {
            co_return known->second;
        }
        if (name.size() > kMaxVoiceNameBytes) {
            throw VoiceError(VoiceFault::bad_input, "the name of the voice is too long");
        }
        std::optional<std::string> id = co_await look_up(name, std::move(trace));
        if (!id) {
            co_return std::nullopt;
        }
        if (ids_.size() >= kMaxKnownVoices) {
            ids_.clear();
        }
        ids_[name] = *id;
        co_return id;
    }

    asio::awaitable<std::optional<std::string>> look_up(const std::string& name,
                                                        std::string trace) {
        rest::ApiCall call("voices", "GET",
                           "/v2/voices?page_size=100&search=" + percent_encoded(name));
        const auto no_right = std::make_shared<bool>(false);
        rest::Judge judge = [core = core_, no_right](const net::HttpResponse& response, int tried) {
            *no_right = elevenlabs::refusal_of(response.head, response.body).no_right;
            return elevenlabs::judge_voices(response, tried, core->options.retry_base, core->key);
        };
        CallContext context;
        context.deadline = std::chrono::steady_clock::now() + kLookUpTime;
        context.traceparent = std::move(trace);
        std::optional<std::string> id;
        try {
            const nlohmann::json reply =
                co_await voices_.call(std::move(call), std::move(judge), context);
            id = elevenlabs::voice_in(reply, name);
        } catch (const ProviderError& error) {
            if (!*no_right) {
                throw VoiceError(error.retryable() ? VoiceFault::unavailable : VoiceFault::refused,
                                 error.what());
            }
        }
        const std::string_view usual = elevenlabs::default_voice(name);
        if (!id && !usual.empty()) {
            log::info("a voice is taken that every account has",
                      {{"provider", "elevenlabs"}, {"voice", name}, {"voice_id", usual}});
            id = usual;
        }
        co_return id;
    }

    std::shared_ptr<Core> core_;
    rest::Api voices_;
    std::map<std::string, std::string, std::less<>> ids_; // by name in lower case
};

} // namespace

std::shared_ptr<Synthesiser> make_elevenlabs(std::shared_ptr<net::HttpClient> http, std::string key,
                                             ElevenLabsOptions options) {
    return std::make_shared<ElevenLabs>(std::move(http), std::move(key), std::move(options));
}

} // namespace mr::voice

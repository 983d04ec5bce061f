#include "worker/voice/metered.h"

#include "worker/metrics/meters.h"

#include <chrono>
#include <string_view>
#include <utility>

namespace mr::voice {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

double seconds_of(size_t samples, unsigned rate) {
    return static_cast<double>(samples) / rate;
}

std::string_view outcome_of(VoiceFault fault) {
    switch (fault) {
    case VoiceFault::no_place:
        return "no_place";
    case VoiceFault::unavailable:
    case VoiceFault::lost:
        return "unavailable";
    case VoiceFault::refused:
    case VoiceFault::bad_input:
        break;
    }
    return "refused";
}

bool has_words(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") != std::string_view::npos;
}

class MeteredStream final : public RecognitionStream {
  public:
    explicit MeteredStream(std::unique_ptr<RecognitionStream> inner) : inner_(std::move(inner)) {}
    MeteredStream(const MeteredStream&) = delete;
    MeteredStream& operator=(const MeteredStream&) = delete;
    ~MeteredStream() override {
        if (speaking_) {
            ended("left");
        }
    }

    bool audio(PcmView samples) override {
        const bool taken = inner_->audio(samples);
        if (taken) {
            metrics::meters().voice.heard_seconds.at({}).add(
                seconds_of(samples.size(), kVoiceRate));
        }
        return taken;
    }
    void release() override { inner_->release(); }
    asio::awaitable<RecognitionEvent> next() override {
        try {
            RecognitionEvent event = co_await inner_->next();
            note(event);
            co_return event;
        } catch (const VoiceError&) {
            if (speaking_) {
                ended("lost");
            }
            throw;
        }
    }

  private:
    void note(const RecognitionEvent& event) {
        if (std::holds_alternative<SpeechStarted>(event)) {
            speaking_ = true;
        } else if (std::holds_alternative<SpeechDropped>(event)) {
            ended("empty");
        } else if (const auto* heard = std::get_if<Transcript>(&event); heard && heard->final) {
            ended(has_words(heard->text) ? "words" : "empty");
        }
    }
    void ended(std::string_view outcome) {
        speaking_ = false;
        metrics::meters().voice.utterances.at({outcome}).add();
    }

    std::unique_ptr<RecognitionStream> inner_;
    metrics::TakenPlace place_{metrics::kMicrophones};
    bool speaking_ = false;
};

class MeteredRecogniser final : public Recogniser {
  public:
    explicit MeteredRecogniser(std::unique_ptr<Recogniser> inner) : inner_(std::move(inner)) {}

    std::string_view engine() const override { return inner_->engine(); }
    asio::awaitable<std::unique_ptr<RecognitionStream>> open(RecognitionOptions options) override {
        metrics::CounterFamily& opened = metrics::meters().voice.microphones;
        try {
            std::unique_ptr<RecognitionStream> inner = co_await inner_->open(std::move(options));
            opened.at({"opened"}).add();
            std::unique_ptr<RecognitionStream> stream =
                std::make_unique<MeteredStream>(std::move(inner));
            co_return stream;
        } catch (const VoiceError& error) {
            opened.at({outcome_of(error.fault())}).add();
            throw;
        }
    }

  private:
    std::unique_ptr<Recogniser> inner_;
};

class MeteredSpeech final : public SpeechStream {
  public:
    MeteredSpeech(std::unique_ptr<SpeechStream> inner, unsigned rate)
        : inner_(std::move(inner)), rate_(rate) {}

    uint32_t say(std::string clause) override {
        if (!first_said_) {
            first_said_ = Clock::now();
        }
        return inner_->say(std::move(clause));
    }
    void end() override { inner_->end(); }
    asio::awaitable<std::optional<SpokenAudio>> next() override {
        std::optional<SpokenAudio> audio = co_await inner_->next();
        if (audio && !audio->samples.empty()) {
            metrics::VoiceMeters& voice = metrics::meters().voice;
            voice.spoken_seconds.at({}).add(seconds_of(audio->samples.size(), rate_));
            if (!std::exchange(heard_, true) && first_said_) {
                voice.first_sound.at({}).observe(metrics::seconds_since(*first_said_));
            }
        }
        co_return audio;
    }

  private:
    std::unique_ptr<SpeechStream> inner_;
    unsigned rate_;
    metrics::TakenPlace place_{metrics::kAnswers};
    std::optional<Clock::time_point> first_said_;
    bool heard_ = false;
};

class MeteredSynthesiser final : public Synthesiser {
  public:
    explicit MeteredSynthesiser(std::shared_ptr<Synthesiser> inner) : inner_(std::move(inner)) {}

    std::string_view engine() const override { return inner_->engine(); }
    unsigned sample_rate() const override { return inner_->sample_rate(); }
    asio::awaitable<std::unique_ptr<SpeechStream>> open(SpeechOptions options) override {
        std::unique_ptr<SpeechStream> inner = co_await inner_->open(std::move(options));
        std::unique_ptr<SpeechStream> stream =
            std::make_unique<MeteredSpeech>(std::move(inner), inner_->sample_rate());
        co_return stream;
    }

  private:
    std::shared_ptr<Synthesiser> inner_;
};

void say_places(std::string_view of, size_t places) {
    metrics::meters().voice.places.at({of}).set(static_cast<double>(places));
}

} // namespace

std::unique_ptr<Recogniser> metered(std::unique_ptr<Recogniser> inner, size_t places) {
    say_places(metrics::kMicrophones, places);
    return std::make_unique<MeteredRecogniser>(std::move(inner));
}

std::shared_ptr<Synthesiser> metered(std::shared_ptr<Synthesiser> inner, size_t places) {
    say_places(metrics::kAnswers, places);
    return std::make_shared<MeteredSynthesiser>(std::move(inner));
}

} // namespace mr::voice

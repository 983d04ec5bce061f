// Engines of voice whose course stands in what they are given.
//
// The recogniser: every sample of a frame that is not zero is a character, and a frame so spells a
// command:
//
//   start      speech begins here        part TEXT    a transcript that is not final
//   stop       speech has ended here     final TEXT   the final one (empty: without words)
//   drop       it was no speech          say TEXT     all of it at once
//   full       refuses this frame        break        recognition is lost
//
//   mute       release() is followed by nothing
//
// release() ends an utterance that has begun with what it has heard last, else drops. Streams in
// the language "none" have no place.
//
// The synthesiser: kMsPerByte of sound for each byte of a clause, samples of the segment's number +
// 1; "mute" in a clause ends it with an error.
#pragma once

#include "worker/apps/voice_services.h"
#include "worker/async.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mr::test {

inline constexpr int64_t kMsPerByte = 10;
inline constexpr unsigned kSpeechRate = 16'000;

// A frame that spells a command, at `rate` of which each character takes rate/16000 samples.
inline std::string spelled(const std::string& command, int64_t ms = 40, unsigned rate = 16'000) {
    const auto samples = static_cast<size_t>(voice::to_samples(ms, rate));
    const size_t each = rate / 16'000;
    std::string bytes(samples * 2, '\0');
    for (size_t i = 0; i < command.size() * each; ++i) {
        bytes[2 * i] = command[i / each];
    }
    return bytes;
}

class SpelledStream final : public voice::RecognitionStream {
  public:
    explicit SpelledStream(const boost::asio::any_io_executor& executor) : ready_(executor) {}

    bool audio(voice::PcmView samples) override {
        std::string command;
        for (const voice::Sample sample : samples) {
            if (sample != 0) {
                command += static_cast<char>(sample);
            }
        }
        if (command == "full") {
            at_ += samples.size();
            return false;
        }
        at_ += samples.size();
        obey(command);
        ready_.notify();
        return true;
    }

    void release() override {
        if (mute_) {
            return;
        }
        if (begun_) {
            obey("stop");
            obey("final " + partial_);
        } else {
            obey("drop");
        }
        ready_.notify();
    }

    boost::asio::awaitable<voice::RecognitionEvent> next() override {
        while (events_.empty()) {
            if (broken_) {
                throw voice::VoiceError(voice::VoiceFault::lost, "The recogniser went away");
            }
            co_await ready_.wait();
        }
        voice::RecognitionEvent event = std::move(events_.front());
        events_.pop_front();
        co_return event;
    }

  private:
    void obey(const std::string& command) {
        const size_t blank = command.find(' ');
        const std::string verb = command.substr(0, blank);
        const std::string text = blank == std::string::npos ? "" : command.substr(blank + 1);
        if (verb == "start") {
            begun_ = true;
            start_ = at_;
            events_.emplace_back(voice::SpeechStarted{at_});
        } else if (verb == "stop") {
            events_.emplace_back(voice::SpeechStopped{at_});
        } else if (verb == "drop") {
            begun_ = false;
            events_.emplace_back(voice::SpeechDropped{at_});
        } else if (verb == "part") {
            partial_ = text;
            add_transcript(text, false);
        } else if (verb == "final") {
            add_transcript(text, true);
            begun_ = false;
            partial_.clear();
        } else if (verb == "say") {
            obey("start");
            obey("stop");
            obey("final " + text);
        } else if (verb == "break") {
            broken_ = true;
        } else if (verb == "mute") {
            mute_ = true;
        }
    }

    void add_transcript(const std::string& text, bool final) {
        voice::Transcript transcript;
        transcript.text = text;
        transcript.final = final;
        transcript.start = start_;
        transcript.end = at_ + 160;
        events_.emplace_back(std::move(transcript));
    }

    Signal ready_;
    std::deque<voice::RecognitionEvent> events_;
    std::string partial_;
    uint64_t at_ = 0;
    uint64_t start_ = 0;
    bool begun_ = false;
    bool broken_ = false;
    bool mute_ = false;
};

class SpelledRecogniser final : public voice::Recogniser {
  public:
    std::string_view engine() const override { return "spelled"; }
    boost::asio::awaitable<std::unique_ptr<voice::RecognitionStream>>
    open(voice::RecognitionOptions options) override {
        if (options.language == "none") {
            throw voice::VoiceError(voice::VoiceFault::unavailable, "All microphones are taken");
        }
        auto executor = co_await boost::asio::this_coro::executor;
        co_return std::make_unique<SpelledStream>(executor);
    }
};

class CountedSpeech final : public voice::SpeechStream {
  public:
    explicit CountedSpeech(const boost::asio::any_io_executor& executor) : ready_(executor) {}

    uint32_t say(std::string clause) override {
        clauses_.push_back(std::move(clause));
        ready_.notify();
        return said_++;
    }
    void end() override {
        ended_ = true;
        ready_.notify();
    }
    boost::asio::awaitable<std::optional<voice::SpokenAudio>> next() override {
        constexpr int64_t kPieceMs = 30;
        while (clauses_.empty()) {
            if (ended_) {
                co_return std::nullopt;
            }
            co_await ready_.wait();
        }
        if (clauses_.front().find("mute") != std::string::npos) {
            throw voice::VoiceError(voice::VoiceFault::lost, "The voice broke off");
        }
        const int64_t whole = static_cast<int64_t>(clauses_.front().size()) * kMsPerByte;
        const int64_t ms = std::min(kPieceMs, whole - spoken_ms_);
        voice::SpokenAudio audio;
        audio.segment = segment_;
        audio.samples.assign(voice::to_samples(ms, kSpeechRate),
                             static_cast<voice::Sample>(segment_ + 1));
        spoken_ms_ += ms;
        audio.last = spoken_ms_ == whole;
        if (audio.last) {
            clauses_.pop_front();
            ++segment_;
            spoken_ms_ = 0;
        }
        co_return audio;
    }

  private:
    Signal ready_;
    std::deque<std::string> clauses_;
    uint32_t said_ = 0;
    uint32_t segment_ = 0;
    int64_t spoken_ms_ = 0;
    bool ended_ = false;
};

class CountedSynthesiser final : public voice::Synthesiser {
  public:
    std::string_view engine() const override { return "counted"; }
    unsigned sample_rate() const override { return kSpeechRate; }
    boost::asio::awaitable<std::unique_ptr<voice::SpeechStream>>
    open(voice::SpeechOptions options) override {
        if (options.voice == "nobody") {
            throw voice::VoiceError(voice::VoiceFault::refused, "There is no voice nobody");
        }
        auto executor = co_await boost::asio::this_coro::executor;
        co_return std::make_unique<CountedSpeech>(executor);
    }
};

// Sentences.
class PlainClauses final : public VoiceClauses {
  public:
    void add(std::string_view text) override { text_ += text; }
    void end() override { ended_ = true; }
    std::optional<VoiceClause> next() override {
        size_t end = text_.find(". ", at_);
        end = end == std::string::npos ? (ended_ ? text_.size() : at_) : end + 2;
        if (end == at_) {
            return std::nullopt;
        }
        VoiceClause clause;
        clause.begin = at_;
        clause.end = end;
        clause.caption = text_.substr(at_, end - at_);
        while (clause.caption.ends_with(' ')) {
            clause.caption.pop_back();
        }
        clause.spoken = clause.caption;
        at_ = end;
        if (clause.caption.empty()) {
            return std::nullopt;
        }
        return clause;
    }

  private:
    std::string text_;
    size_t at_ = 0;
    bool ended_ = false;
};

// Every so-manieth sample.
inline Resample thin_out(unsigned rate) {
    if (rate % voice::kVoiceRate != 0) {
        throw voice::VoiceError(voice::VoiceFault::bad_input, "This rate is not taken");
    }
    return [step = rate / voice::kVoiceRate](voice::PcmView in, voice::Pcm& out) {
        for (size_t i = 0; i < in.size(); i += step) {
            out.push_back(in[i]);
        }
    };
}

inline VoiceServices scripted_voice() {
    VoiceServices services;
    services.recogniser = std::make_shared<SpelledRecogniser>();
    services.synthesiser = std::make_shared<CountedSynthesiser>();
    services.clauses = [] { return std::make_unique<PlainClauses>(); };
    services.resampler = thin_out;
    return services;
}

} // namespace mr::test

// Hears sound that tests have made: a run of equal samples 1000+k is the word k of a list, whatever
// is nearer to zero is silence. Says of it what Deepgram would, message by message: interim and
// final results, SpeechStarted, UtteranceEnd. As words are in the audio, audio that is sent twice
// is heard twice, and audio that is lost is missed. Pure; its only clock is the audio.
#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mr::emulator {

inline constexpr std::int16_t kFirstWordSample = 1000;

struct EarOptions {
    std::vector<std::string> words;     // by their number; "word<k>" behind its end
    std::uint64_t rate = 16'000;        // samples a second
    std::uint64_t interim_ms = 250;     // between interim results; 0: none
    std::uint64_t final_ms = 3'000;     // between final pieces
    std::uint64_t endpointing_ms = 300; // 0: off
    std::uint64_t utterance_end_ms = 0; // 0: off
    bool vad_events = false;
    bool noisy = false; // speech_final never comes
    std::string request_id;
};

class DeepgramEar {
  public:
    using Messages = std::vector<nlohmann::json>;
    explicit DeepgramEar(EarOptions options) : options_(std::move(options)) {}

    Messages hear(std::span<const std::int16_t> samples) {
        Messages out;
        for (const std::int16_t sample : samples) {
            hear_one(sample, out);
        }
        return out;
    }

    // All that is there, as for Finalize and CloseStream. Nothing: nothing was there.
    Messages flush(bool from_finalize) {
        Messages out;
        if (now_ > begin_) {
            nlohmann::json results = results_of(words_.size(), now_, true, false);
            results["from_finalize"] = from_finalize;
            out.push_back(std::move(results));
            words_.clear();
            word_.reset(); // what goes on of it is not a word again
            begin_ = now_;
        }
        return out;
    }

    double heard_seconds() const { return seconds(now_); }

  private:
    struct Word {
        std::string text;
        std::uint64_t begin, end; // samples
    };

    double seconds(std::uint64_t samples) const {
        return static_cast<double>(samples) / static_cast<double>(options_.rate);
    }
    std::uint64_t samples(std::uint64_t ms) const { return ms * options_.rate / 1000; }

    void hear_one(std::int16_t sample, Messages& out) {
        const std::int16_t value = sample >= kFirstWordSample ? sample : std::int16_t(0);
        if (value != last_) {
            last_ = value;
            word_.reset();
            if (value != 0) {
                begin_word(value, out);
            }
        }
        ++now_;
        if (word_) {
            last_end_ = now_;
            words_.back().end = now_;
        }
        const std::uint64_t gap = last_end_ ? now_ - *last_end_ : 0;
        if (!word_ && speaking_ && options_.endpointing_ms > 0 && !options_.noisy &&
            gap >= samples(options_.endpointing_ms)) {
            speaking_ = false;
            piece(true, out);
        } else if (now_ - begin_ >= samples(options_.final_ms)) {
            piece(false, out);
        } else if (options_.interim_ms > 0 && (now_ - begin_) % samples(options_.interim_ms) == 0) {
            out.push_back(results_of(words_.size(), now_, false, false));
        }
        if (!word_ && last_end_ && options_.utterance_end_ms > 0 && !end_said_ &&
            gap >= samples(options_.utterance_end_ms)) {
            end_said_ = true;
            speaking_ = false;
            out.push_back({{"type", "UtteranceEnd"},
                           {"channel", {0, 1}},
                           {"last_word_end", seconds(*last_end_)}});
        }
    }

    void begin_word(std::int16_t value, Messages& out) {
        const auto number = static_cast<std::size_t>(value - kFirstWordSample);
        std::string text = number < options_.words.size() ? options_.words[number]
                                                          : "word" + std::to_string(number);
        words_.push_back({std::move(text), now_, now_});
        word_ = number;
        end_said_ = false;
        if (!speaking_ && options_.vad_events) {
            out.push_back(
                {{"type", "SpeechStarted"}, {"channel", {0, 1}}, {"timestamp", seconds(now_)}});
        }
        speaking_ = true;
    }

    // A final piece ends before a word that is still being said.
    void piece(bool speech_final, Messages& out) {
        const std::size_t count = words_.size() - (word_ ? 1 : 0);
        const std::uint64_t end = word_ ? words_.back().begin : now_;
        if (end <= begin_) {
            return;
        }
        out.push_back(results_of(count, end, true, speech_final));
        words_.erase(words_.begin(), words_.begin() + static_cast<std::ptrdiff_t>(count));
        begin_ = end;
    }

    nlohmann::json results_of(std::size_t count, std::uint64_t end, bool is_final,
                              bool speech_final) const {
        nlohmann::json list = nlohmann::json::array();
        std::string text;
        for (std::size_t i = 0; i < count; ++i) {
            const Word& word = words_[i];
            text += (text.empty() ? "" : " ") + word.text;
            list.push_back({{"word", word.text},
                            {"start", seconds(word.begin)},
                            {"end", seconds(word.end)},
                            {"confidence", 0.98},
                            {"punctuated_word", word.text}});
        }
        nlohmann::json best{{"transcript", text}, {"confidence", text.empty() ? 0.0 : 0.98}};
        best["words"] = std::move(list);
        nlohmann::json out;
        out["type"] = "Results";
        out["channel_index"] = {0, 1};
        out["duration"] = seconds(end - begin_);
        out["start"] = seconds(begin_);
        out["is_final"] = is_final;
        out["speech_final"] = speech_final;
        out["from_finalize"] = false;
        out["channel"]["alternatives"] = nlohmann::json::array({best});
        out["metadata"] = {{"request_id", options_.request_id},
                           {"model_info", {{"name", "emulated"}, {"version", "1"}}},
                           {"model_uuid", "00000000-0000-4000-8000-000000000001"}};
        return out;
    }

    EarOptions options_;
    std::vector<Word> words_;         // since begin_
    std::optional<std::size_t> word_; // being said
    std::int16_t last_ = 0;
    std::uint64_t now_ = 0, begin_ = 0; // samples; of what is not final yet
    std::optional<std::uint64_t> last_end_;
    bool speaking_ = false, end_said_ = false;
};

} // namespace mr::emulator

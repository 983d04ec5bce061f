// Moonshine hears what was said, and nothing where nothing was; its parts that need no weights.
#include "tests/unit/worker_voice_speech.h"
#include "worker/voice/moonshine/decoder.h"
#include "worker/voice/moonshine/moonshine.h"
#include "worker/voice/moonshine/windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <numeric>
#include <thread>
#include <vector>

namespace mr::test {
namespace {

using namespace speech;

namespace moonshine = voice::moonshine;
using testing::HasSubstr;
using voice::Heard;
using voice::Pcm;
using voice::PcmView;
using voice::to_samples;

constexpr std::array kSentences{
    "how many open invoices do we have with the general contractor",
    "show me the three largest change orders this year",
    "when does the roof inspection take place",
};

class VoiceMoonshine : public testing::Test {
  protected:
    void SetUp() override {
        if (const std::string lacks = voice_lacks(); !lacks.empty()) {
            GTEST_SKIP() << lacks;
        }
        factory_ =
            voice::load_moonshine(voice::onnx::Runtime::load(voice_files() / "libonnxruntime.so"),
                                  {.folder = voice_files() / "moonshine"});
    }

    static Heard hear(voice::UtteranceModel& model, PcmView samples) {
        const std::atomic<bool> given_up = false;
        return model.recognise(samples, given_up);
    }

    std::unique_ptr<voice::UtteranceModelFactory> factory_;
};

TEST_F(VoiceMoonshine, HearsSpokenQuestions) {
    EXPECT_EQ(factory_->engine(), "moonshine");
    const auto model = factory_->make();
    std::string meant;
    std::string text;
    for (const char* sentence : kSentences) {
        const Heard heard = hear(*model, spoken(sentence));
        meant += std::string(sentence) + " ";
        text += heard.text + " ";
        ASSERT_TRUE(heard.confidence.has_value());
        EXPECT_GT(*heard.confidence, 0.7);
        EXPECT_LE(*heard.confidence, 1.0);
    }
    EXPECT_LE(word_error_rate(meant, text), 0.1) << text;
}

TEST_F(VoiceMoonshine, NamesThatAreKnownAreHeard) {
    voice::MoonshineOptions options;
    options.folder = voice_files() / "moonshine";
    options.examples = {"Harbor Point", "Winslow College", "Lumen Laboratory"};
    const auto knowing = voice::load_moonshine(
        voice::onnx::Runtime::load(voice_files() / "libonnxruntime.so"), options);
    const auto model = knowing->make();
    const auto heard = [&](const char* sentence) { return hear(*model, spoken(sentence)).text; };
    EXPECT_THAT(heard("Who manages Harbor Point?"), HasSubstr("Harbor Point"));
    EXPECT_THAT(heard("How many open invoices do we have with Winslow College?"),
                HasSubstr("Winslow College"));
    EXPECT_LE(word_error_rate(kSentences[1], heard(kSentences[1])), 0.2) << "and nothing else is";
}

TEST_F(VoiceMoonshine, HearsNothingWhereNothingWasSaid) {
    const auto model = factory_->make();
    EXPECT_EQ(hear(*model, {}).text, "");
    EXPECT_EQ(hear(*model, silence(2'000)).text, "");
    EXPECT_EQ(hear(*model, noise(2'000, 0.01)).text, "");
    const Heard moment = hear(*model, noise(1, 0.01));
    EXPECT_EQ(moment.text, "");
    EXPECT_FALSE(moment.confidence.has_value());
}

TEST_F(VoiceMoonshine, GivenUpItWritesNothing) {
    const auto model = factory_->make();
    const std::atomic<bool> given_up = true;
    EXPECT_EQ(model->recognise(spoken(kSentences[0]), given_up).text, "");
    EXPECT_FALSE(hear(*model, spoken(kSentences[0])).text.empty()) << "the model is as it was";
}

TEST_F(VoiceMoonshine, ThreadsShareTheWeights) {
    std::array<Pcm, 2> sounds{spoken(kSentences[1]), spoken(kSentences[2])};
    std::array<std::string, 2> together;
    std::vector<std::thread> threads;
    for (size_t i = 0; i < sounds.size(); ++i) {
        threads.emplace_back([&, i] {
            const auto model = factory_->make();
            for (int round = 0; round < 3; ++round) {
                together[i] = hear(*model, sounds[i]).text;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const auto model = factory_->make();
    for (size_t i = 0; i < sounds.size(); ++i) {
        EXPECT_EQ(hear(*model, sounds[i]).text, together[i]);
    }
}

TEST_F(VoiceMoonshine, LongerThanAWindowItIsHeardInOrder) {
    Pcm samples;
    std::string meant;
    while (samples.size() < to_samples(moonshine::kMaxWindowMs + 2'000)) {
        for (const char* sentence : kSentences) {
            const Pcm speech = spoken(sentence);
            const Pcm pause = silence(300);
            samples.insert(samples.end(), speech.begin(), speech.end());
            samples.insert(samples.end(), pause.begin(), pause.end());
            meant += std::string(sentence) + " ";
        }
    }
    const Heard heard = hear(*factory_->make(), samples);
    EXPECT_LE(word_error_rate(meant, heard.text), 0.15) << heard.text;
}

// ------------------------------------------------------------------------------------------------

TEST(MoonshineWindows, ShortSoundIsOneWindow) {
    for (const int64_t ms : {int64_t{0}, int64_t{1}, moonshine::kMaxWindowMs}) {
        const Pcm samples(to_samples(ms));
        const auto windows = moonshine::cut_windows(samples);
        ASSERT_EQ(windows.size(), 1U);
        EXPECT_EQ(windows[0].size(), samples.size());
    }
}

TEST(MoonshineWindows, CutAtThePauseAndNothingIsLost) {
    Pcm samples = noise(moonshine::kMaxWindowMs + 10'000, 0.3);
    const size_t pause = to_samples(27'500);
    std::fill_n(samples.begin() + static_cast<ptrdiff_t>(pause), to_samples(200), voice::Sample{0});
    const auto windows = moonshine::cut_windows(samples);
    ASSERT_EQ(windows.size(), 2U);
    EXPECT_GE(windows[0].size(), pause);
    EXPECT_LE(windows[0].size(), pause + to_samples(200));
    EXPECT_EQ(windows[0].size() + windows[1].size(), samples.size());
    EXPECT_EQ(windows[1].data(), windows[0].data() + windows[0].size());
}

TEST(MoonshineWindows, ThereAreOnlySoMany) {
    const Pcm samples(to_samples(moonshine::kMaxWindowMs * 6));
    const auto windows = moonshine::cut_windows(samples);
    EXPECT_EQ(windows.size(), moonshine::kMaxWindows);
    for (const PcmView window : windows) {
        EXPECT_LE(window.size(), to_samples(moonshine::kMaxWindowMs));
        EXPECT_GE(window.size(), to_samples(moonshine::kMaxWindowMs) * 5 / 6);
    }
}

TEST(MoonshineWindows, OnlyWhatCouldBeSpeechIsNotSilent) {
    EXPECT_TRUE(moonshine::is_silent({}));
    EXPECT_TRUE(moonshine::is_silent(noise(100, 0.0005)));
    EXPECT_FALSE(moonshine::is_silent(noise(100, 0.005)));
    EXPECT_FALSE(moonshine::is_silent(Pcm{0, INT16_MIN, 0}));
}

std::vector<int64_t> repeated(std::vector<int64_t> head, const std::vector<int64_t>& loop,
                              size_t times) {
    for (size_t i = 0; i < times; ++i) {
        head.insert(head.end(), loop.begin(), loop.end());
    }
    return head;
}

TEST(MoonshineLoop, OrdinaryTextIsKept) {
    std::vector<int64_t> text(50);
    std::iota(text.begin(), text.end(), 10);
    EXPECT_EQ(moonshine::length_without_loop(text), 50U);
    EXPECT_EQ(moonshine::length_without_loop({}), 0U);
    const std::vector<int64_t> number = repeated({10, 11}, {5}, 7); // "five five five …"
    EXPECT_EQ(moonshine::length_without_loop(number), number.size());
    const std::vector<int64_t> twice = repeated({10}, {4, 5, 6, 7}, 3);
    EXPECT_EQ(moonshine::length_without_loop(twice), twice.size());
}

TEST(MoonshineLoop, EndlessRepetitionIsCutToItsFirst) {
    for (size_t period = 1; period <= 10; ++period) {
        std::vector<int64_t> loop(period);
        std::iota(loop.begin(), loop.end(), 100);
        const std::vector<int64_t> text = repeated({7, 8, 9}, loop, 12);
        EXPECT_EQ(moonshine::length_without_loop(text), 3 + period) << "period " << period;
    }
}

// A vocabulary of the right size with a few pieces that matter.
class MoonshineVocabulary : public testing::Test {
  protected:
    MoonshineVocabulary()
        : file_(testing::TempDir() + "mr-vocabulary-" + std::to_string(getpid())) {}
    ~MoonshineVocabulary() override { std::filesystem::remove(file_); }

    moonshine::Vocabulary load(size_t size) const {
        std::ofstream out(file_, std::ios::binary);
        out << "<unk>\n<s>\n</s>\n<0x0A>\n<0xE2>\n<0x82>\n<0xAC>\n\u2581How\n\u2581many\nly\n\u2581"
               "\n<0xZZ>\n.";
        for (size_t i = 13; i < size; ++i) {
            out << "\nx";
        }
        out.close();
        return moonshine::Vocabulary::load(file_);
    }

    std::filesystem::path file_;
};

TEST_F(MoonshineVocabulary, PiecesBecomeText) {
    const moonshine::Vocabulary vocabulary = load(32'000);
    EXPECT_EQ(vocabulary.size(), 32'000U);
    const auto text = [&](std::vector<int64_t> tokens) { return vocabulary.text(tokens); };
    EXPECT_EQ(text({7, 8, 9, 12}), "How manyly.");
    EXPECT_EQ(text({1, 7, 2}), "How") << "markers are no text";
    EXPECT_EQ(text({10, 7, 10}), "How") << "no blanks around it";
    EXPECT_EQ(text({7, 4, 5, 6}), "How\u20AC") << "bytes make a code point";
    EXPECT_EQ(text({7, 4, 5, 8}), "How many") << "or are left out";
    EXPECT_EQ(text({11}), "<0xZZ>") << "not a byte";
    EXPECT_EQ(text({-1, 32'000, 32'767}), "") << "unknown tokens";
    EXPECT_EQ(text({}), "");
    EXPECT_EQ(vocabulary.piece(8), " many");
    EXPECT_EQ(vocabulary.piece(1), "");
    EXPECT_EQ(vocabulary.piece(-1), "");
    EXPECT_EQ(vocabulary.piece(32'000), "");
}

TEST_F(MoonshineVocabulary, AnotherNumberOfPiecesIsRefused) {
    for (const size_t size : {size_t{31'999}, size_t{32'001}}) {
        try {
            load(size);
            ADD_FAILURE() << "nothing was thrown for " << size;
        } catch (const voice::onnx::Error& error) {
            EXPECT_THAT(error.what(), HasSubstr("has " + std::to_string(size) + " pieces"));
        }
    }
}

TEST(SpokenWordErrors, CountsWordsOnly) {
    EXPECT_EQ(word_error_rate("one two three four", "One, two; three four!"), 0);
    EXPECT_EQ(word_error_rate("one two three four", "one three four"), 0.25);
    EXPECT_EQ(word_error_rate("one two three four", "one to three for more"), 0.75);
    EXPECT_EQ(word_error_rate("one two", ""), 1);
}

} // namespace
} // namespace mr::test

// pocketsphinx with our own language model: questions that a synthesiser speaks here and now. Left
// out where the acoustic model or the synthesiser is not installed.
#include "tests/voice/word_errors.h"
#include "worker/voice/pocketsphinx/decoder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace mr::voice {
namespace {

constexpr size_t kWavHeaderBytes = 44;

// flite's voice slt, at 16 kHz; empty where flite is not installed.
Pcm speak(const std::string& text) {
    const std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("mr-spoken-" + std::to_string(getpid()) + ".wav");
    const std::string command =
        "flite -voice slt -t '" + text + "' -o '" + path.string() + "' >/dev/null 2>&1";
    Pcm samples;
    if (std::system(command.c_str()) == 0) {
        std::ifstream file(path, std::ios::binary);
        const std::string bytes((std::istreambuf_iterator<char>(file)), {});
        if (bytes.size() > kWavHeaderBytes) {
            samples.resize((bytes.size() - kWavHeaderBytes) / sizeof(Sample));
            std::memcpy(samples.data(), bytes.data() + kWavHeaderBytes,
                        samples.size() * sizeof(Sample));
        }
    }
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return samples;
}

TEST(VoicePocketsphinx, UnderstandsSpokenQuestions) {
    if (!pocketsphinx_present({})) {
        GTEST_SKIP() << "pocketsphinx-en-us is not installed";
    }
    PocketsphinxFactory factory({}, demo_names());
    EXPECT_EQ(factory.engine(), "pocketsphinx");
    const std::unique_ptr<UtteranceModel> model = factory.make();
    std::atomic<bool> given_up = false;
    EXPECT_EQ(model->recognise({}, given_up).text, "");
    EXPECT_EQ(model->recognise(Pcm(100), given_up).text, "") << "too short for a word";
    size_t words = 0;
    size_t errors = 0;
    for (const char* const question :
         {"Who manages Harbor Point?", "What is the budget of Aurora Tower?",
          "Which bids did we get for waterproofing at Bayside Terrace?"}) {
        const Pcm sound = speak(question);
        if (sound.empty()) {
            GTEST_SKIP() << "flite is not installed";
        }
        const std::string heard = model->recognise(sound, given_up).text;
        EXPECT_EQ(model->recognise(sound, given_up).text, heard) << "the same every time";
        const auto said = compared_words(question);
        words += said.size();
        errors += word_errors(said, compared_words(heard));
    }
    EXPECT_LE(errors * 10, words) << "more than a tenth of the words";
    given_up = true;
    EXPECT_EQ(model->recognise(Pcm(kVoiceRate), given_up).text, "");
}

TEST(VoicePocketsphinx, SaysWhatIsMissing) {
    PocketsphinxOptions options;
    options.model_dir = "/nowhere";
    EXPECT_FALSE(pocketsphinx_present(options));
    try {
        const PocketsphinxFactory factory(options, SpeechNames{});
        ADD_FAILURE();
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("pocketsphinx-en-us"), std::string::npos);
    }
}

TEST(VoiceWordErrors, CountWhatHasToBeChanged) {
    const auto errors = [](const char* said, const char* heard) {
        return word_errors(compared_words(said), compared_words(heard));
    };
    EXPECT_EQ(errors("Who manages St. Brendan?", "who manages st brendan"), 0U);
    EXPECT_EQ(errors("in twenty twenty five", "in 2025"), 0U);
    EXPECT_EQ(errors("a b c", "a c"), 1U);
    EXPECT_EQ(errors("a b c", "a x b d"), 2U);
    EXPECT_EQ(errors("a", ""), 1U);
}

} // namespace
} // namespace mr::voice

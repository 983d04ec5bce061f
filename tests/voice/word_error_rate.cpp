// mr-voice-wer ENGINE LIST [--verbose]: has the sound files of a list (speak.py) recognised by an
// embedded engine, with and without names put right, and prints the word error rate by voice and
// the time it took for each second of sound.
#include "tests/voice/word_errors.h"
#include "worker/voice/moonshine/moonshine.h"
#include "worker/voice/names.h"
#include "worker/voice/pocketsphinx/decoder.h"
#include "worker/voice/pocketsphinx/question_sentences.h"
#include "worker/voice/resampler.h"
#include "worker/voice/stub_model.h"
#include "worker/voice/vocabulary.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <stdexcept>

namespace mr::voice {
namespace {

// The engines that can be asked for: a new one is a line here.
std::unique_ptr<UtteranceModelFactory> make_engine(const std::string& name) {
    const std::map<std::string, std::function<std::unique_ptr<UtteranceModelFactory>()>> engines = {
        {"moonshine",
         [] {
             const char* set = std::getenv("MR_VOICE_DIR");
             const std::filesystem::path dir = set != nullptr ? set : "build/voice";
             MoonshineOptions options;
             options.folder = dir / "moonshine";
             options.examples = likely_texts(demo_names());
             return load_moonshine(onnx::Runtime::load(dir / "libonnxruntime.so"), options);
         }},
        {"pocketsphinx",
         [] { return std::make_unique<PocketsphinxFactory>(PocketsphinxOptions{}, demo_names()); }},
        {"stub", [] { return std::make_unique<StubModelFactory>(); }},
    };
    const auto engine = engines.find(name);
    if (engine == engines.end()) {
        throw std::runtime_error("no engine is called " + name);
    }
    return engine->second();
}

// "….22050.raw": 16-bit mono at that rate, to 16 kHz.
Pcm read_sound(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw std::runtime_error("cannot read " + path);
    }
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    Pcm samples(bytes.size() / sizeof(Sample));
    std::memcpy(samples.data(), bytes.data(), samples.size() * sizeof(Sample));
    const std::string name = path.substr(0, path.size() - std::strlen(".raw"));
    Resampler resampler(static_cast<unsigned>(std::stoul(name.substr(name.rfind('.') + 1))));
    Pcm out;
    resampler.add(samples, out);
    resampler.finish(out);
    return out;
}

struct Score {
    size_t words = 0;
    size_t plain_errors = 0;
    size_t errors = 0; // with names put right
    double sound_s = 0;
    double work_s = 0;

    void add(const Score& other) {
        words += other.words;
        plain_errors += other.plain_errors;
        errors += other.errors;
        sound_s += other.sound_s;
        work_s += other.work_s;
    }
    void print(const char* name) const {
        const auto of_words = [this](size_t count) {
            return 100.0 * static_cast<double>(count) / static_cast<double>(words);
        };
        std::printf("%-18s %6zu words  WER %5.1f %%  names put right %5.1f %%  %.3f s per s\n",
                    name, words, of_words(plain_errors), of_words(errors), work_s / sound_s);
    }
};

struct Spoken {
    std::string voice;
    std::string path;
    std::string text;
};

std::vector<Spoken> read_list(const std::string& path) {
    std::ifstream file(path);
    std::vector<Spoken> list;
    for (std::string line; std::getline(file, line);) {
        const size_t first = line.find('\t');
        const size_t second = line.find('\t', first + 1);
        if (second == std::string::npos) {
            throw std::runtime_error(path + ": a line without voice, file and text");
        }
        list.push_back({line.substr(0, first), line.substr(first + 1, second - first - 1),
                        line.substr(second + 1)});
    }
    if (list.empty()) {
        throw std::runtime_error(path + " names no sound: run speak.py");
    }
    return list;
}

Score recognise(UtteranceModel& model, const Vocabulary& names, const Spoken& spoken,
                bool verbose) {
    const Pcm sound = read_sound(spoken.path);
    const std::atomic<bool> given_up = false;
    const auto begin = std::chrono::steady_clock::now();
    const std::string heard = model.recognise(sound, given_up).text;
    const std::string snapped = names.snap(heard);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const std::vector<std::string> said = compared_words(spoken.text);
    Score score;
    score.words = said.size();
    score.plain_errors = word_errors(said, compared_words(heard));
    score.errors = word_errors(said, compared_words(snapped));
    score.sound_s = static_cast<double>(sound.size()) / kVoiceRate;
    score.work_s = took.count();
    if (verbose && score.errors != 0) {
        std::printf("%s\n  said:  %s\n  heard: %s\n", spoken.path.c_str(), spoken.text.c_str(),
                    snapped.c_str());
    }
    return score;
}

int run(const std::string& engine, const std::string& list_path, bool verbose) {
    const std::unique_ptr<UtteranceModelFactory> factory = make_engine(engine);
    const std::unique_ptr<UtteranceModel> model = factory->make();
    const Vocabulary names(demo_names().all());
    std::map<std::string, Score> voices;
    Score all;
    for (const Spoken& spoken : read_list(list_path)) {
        const Score score = recognise(*model, names, spoken, verbose);
        voices[spoken.voice].add(score);
        all.add(score);
    }
    std::printf("%s\n", engine.c_str());
    for (const auto& [voice, score] : voices) {
        score.print(voice.c_str());
    }
    all.print("all");
    return 0;
}

} // namespace
} // namespace mr::voice

int main(int argc, char** argv) {
    const bool verbose = argc == 4 && std::string(argv[3]) == "--verbose";
    if (argc != 3 && !verbose) {
        std::fprintf(stderr, "mr-voice-wer ENGINE LIST [--verbose]; see tests/voice/README.md\n");
        return 2;
    }
    try {
        return mr::voice::run(argv[1], argv[2], verbose);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "mr-voice-wer: %s\n", error.what());
        return 1;
    }
}

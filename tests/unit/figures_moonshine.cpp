// What the embedded recogniser costs on this machine: time to load, memory, processor time for a
// second of speech, alone and on several threads at once. Figures to read, not a test; a few
// seconds long. Usage: moonshine-figures [THREADS]
#include "tests/unit/worker_voice_speech.h"
#include "worker/voice/moonshine/moonshine.h"
#include "worker/voice/pocketsphinx/question_sentences.h"
#include "worker/voice/silero/silero.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace mr::test {
namespace {

using namespace speech;

constexpr unsigned kMaxThreads = 16;
constexpr int kRounds = 5;

double wall_ms() {
    using namespace std::chrono;
    return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

double clock_ms(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

std::string resident() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) {
            return std::to_string(std::strtol(line.c_str() + 6, nullptr, 10) / 1024) + " MB";
        }
    }
    return "unknown";
}

struct Sentences {
    std::vector<voice::Pcm> sentences;
    double ms = 0;
};

Sentences speak() {
    Sentences made;
    for (const char* voice : {"slt", "rms", "awb"}) {
        for (const char* text : {"which project is over budget",
                                 "how many open invoices do we have with the general contractor",
                                 "show me the three largest change orders of this year and the "
                                 "vendors whose certificates end in the next quarter"}) {
            made.sentences.push_back(speech::spoken(text, voice));
            made.ms += static_cast<double>(voice::to_ms(made.sentences.back().size()));
        }
    }
    return made;
}

void by_length(voice::UtteranceModelFactory& factory, const Sentences& spoken) {
    const auto model = factory.make();
    const std::atomic<bool> given_up = false;
    for (const voice::Pcm& sentence : spoken.sentences) {
        std::vector<double> costs;
        for (int round = 0; round < kRounds; ++round) {
            const double before = clock_ms(CLOCK_THREAD_CPUTIME_ID);
            (void)model->recognise(sentence, given_up);
            costs.push_back(clock_ms(CLOCK_THREAD_CPUTIME_ID) - before);
        }
        std::ranges::sort(costs);
        std::printf("  %4lld ms of speech: %4.0f ms of processor time (median of %d)\n",
                    static_cast<long long>(voice::to_ms(sentence.size())), costs[kRounds / 2],
                    kRounds);
    }
}

void together(voice::UtteranceModelFactory& factory, const Sentences& spoken, unsigned count) {
    const double wall = wall_ms();
    const double cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; ++i) {
        threads.emplace_back([&] {
            const auto model = factory.make();
            const std::atomic<bool> given_up = false;
            for (const voice::Pcm& sentence : spoken.sentences) {
                (void)model->recognise(sentence, given_up);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const double spoken_ms = spoken.ms * count;
    std::printf("%u at once: real-time factor %.3f in processor time, %.3f by the clock; %s\n",
                count, (clock_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu) / spoken_ms,
                (wall_ms() - wall) / spoken_ms, resident().c_str());
}

void detector(voice::VadFactory& factory, const Sentences& spoken) {
    const auto vad = factory.make();
    size_t frames = 0;
    const double before = clock_ms(CLOCK_THREAD_CPUTIME_ID);
    for (const voice::Pcm& sentence : spoken.sentences) {
        const voice::PcmView view(sentence);
        for (size_t at = 0; at + voice::kVadFrame <= view.size(); at += voice::kVadFrame) {
            (void)vad->probability(view.subspan(at, voice::kVadFrame));
            ++frames;
        }
    }
    std::printf("silero: %.3f ms of processor time a frame\n",
                (clock_ms(CLOCK_THREAD_CPUTIME_ID) - before) / static_cast<double>(frames));
}

void report(unsigned threads) {
    std::printf("before: %s\n", resident().c_str());
    double began = wall_ms();
    const auto runtime = voice::onnx::Runtime::load(voice_files() / "libonnxruntime.so");
    std::printf("onnxruntime %s: %.0f ms, %s\n", runtime->version().c_str(), wall_ms() - began,
                resident().c_str());
    began = wall_ms();
    voice::MoonshineOptions options;
    options.folder = voice_files() / "moonshine";
    options.examples = voice::likely_texts(voice::demo_names());
    const auto moonshine = voice::load_moonshine(runtime, options);
    std::printf("moonshine: %.0f ms, %s\n", wall_ms() - began, resident().c_str());
    began = wall_ms();
    const auto silero = voice::load_silero(runtime, {voice_files() / "silero/silero_vad_v5.onnx"});
    std::printf("silero: %.0f ms, %s\n", wall_ms() - began, resident().c_str());
    const Sentences sentences = speak();
    by_length(*moonshine, sentences);
    together(*moonshine, sentences, 1);
    together(*moonshine, sentences, threads);
    detector(*silero, sentences);
}

} // namespace
} // namespace mr::test

int main(int count, char** arguments) {
    try {
        if (const std::string lacks = mr::test::speech::voice_lacks(); !lacks.empty()) {
            std::fprintf(stderr, "%s\n", lacks.c_str());
            return 1;
        }
        const long wanted = count > 1 ? std::strtol(arguments[1], nullptr, 10) : 2;
        mr::test::report(
            static_cast<unsigned>(std::clamp(wanted, 1L, long{mr::test::kMaxThreads})));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}

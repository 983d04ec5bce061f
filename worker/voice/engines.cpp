#include "worker/voice/engines.h"

#include "worker/log.h"
#include "worker/voice/deepgram/deepgram.h"
#include "worker/voice/energy_vad.h"
#include "worker/voice/metered.h"
#include "worker/voice/moonshine/moonshine.h"
#include "worker/voice/pocketsphinx/decoder.h"
#include "worker/voice/pocketsphinx/question_sentences.h"
#include "worker/voice/silero/silero.h"
#include "worker/voice/snapped_recogniser.h"
#include "worker/voice/stub_model.h"
#include "worker/voice/tone.h"

#include <boost/asio/this_coro.hpp>
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace mr::voice {
namespace {

namespace asio = boost::asio;

constexpr const char* kLibrary = "libonnxruntime.so";
constexpr const char* kSileroModel = "silero/silero_vad_v5.onnx";
constexpr const char* kMoonshineFolder = "moonshine";

// An engine of windows of sound, with its detector; made on the loop that is the first to use it.
class EmbeddedRecogniser final : public Recogniser {
  public:
    EmbeddedRecogniser(const LocalRecogniserOptions& options,
                       std::unique_ptr<UtteranceModelFactory> models,
                       std::unique_ptr<VadFactory> detectors)
        : options_(options), engine_(models->engine()), models_(std::move(models)),
          detectors_(std::move(detectors)) {}

    std::string_view engine() const override { return engine_; }

    asio::awaitable<std::unique_ptr<RecognitionStream>> open(RecognitionOptions options) override {
        if (local_ == nullptr) {
            const auto executor = co_await asio::this_coro::executor;
            local_ = std::make_unique<LocalRecogniser>(executor, options_, std::move(models_),
                                                       std::move(detectors_));
        }
        auto stream = co_await local_->open(std::move(options));
        co_return stream;
    }

  private:
    LocalRecogniserOptions options_;
    std::string engine_;
    std::unique_ptr<UtteranceModelFactory> models_;
    std::unique_ptr<VadFactory> detectors_;
    std::unique_ptr<LocalRecogniser> local_;
};

// One way to have an engine: returns it, null when it is not set up, or throws why it is not to be
// had.
template <typename Engine> struct Rung {
    std::string_view name;
    std::function<Engine()> make;
};

// The engine that is named, or the first of the ladder. `why` collects what was passed over.
template <typename Engine>
Engine climb(const std::string& wanted, std::string_view setting,
             const std::vector<Rung<Engine>>& ladder, std::string& why) {
    for (const Rung<Engine>& rung : ladder) {
        if (wanted != kAuto && wanted != rung.name) {
            continue;
        }
        std::string reason = "is not set up";
        try {
            if (Engine engine = rung.make()) {
                return engine;
            }
        } catch (const std::exception& problem) {
            reason = problem.what();
        }
        if (wanted != kAuto) {
            throw std::runtime_error(std::string(setting) + ": " + wanted + ": " + reason);
        }
        why += (why.empty() ? "" : "; ") + std::string(rung.name) + ": " + reason;
    }
    return nullptr;
}

// An engine that is never taken by itself.
bool wants(const std::string& wanted, std::string_view stub, bool development) {
    return wanted == stub || (development && wanted == kAuto);
}

class Maker {
  public:
    explicit Maker(EngineOptions options) : options_(std::move(options)) {}

    std::shared_ptr<Recogniser> recogniser(std::string& why) {
        std::vector<Rung<std::unique_ptr<Recogniser>>> ladder = {
            {"deepgram", [this] { return deepgram(); }},
            {"moonshine", [this] { return embedded(moonshine()); }},
            {"pocketsphinx", [this] { return embedded(pocketsphinx()); }}};
        if (wants(options_.recogniser, "stub", options_.stub_recogniser)) {
            ladder = {{"stub", [this] { return embedded(std::make_unique<StubModelFactory>()); }}};
        }
        auto engine = climb(options_.recogniser, "recogniser", ladder, why);
        if (engine == nullptr) {
            return nullptr;
        }
        const bool remote = options_.deepgram && engine->engine() == "deepgram";
        const size_t places = remote ? options_.deepgram->max_streams : options_.local.max_streams;
        return std::make_shared<SnappedRecogniser>(
            metered(std::move(engine), places),
            std::make_shared<const Vocabulary>(options_.names.all()));
    }

    std::shared_ptr<Synthesiser> synthesiser(std::string& why) {
        std::vector<Rung<std::shared_ptr<Synthesiser>>> ladder = {
            {"elevenlabs", [this] { return elevenlabs(); }},
            {"flite", [this] { return make_flite(options_.flite); }}};
        if (wants(options_.synthesiser, "tone", options_.stub_synthesiser)) {
            ladder = {{"tone", [] { return make_tone(); }}};
        }
        auto engine = climb(options_.synthesiser, "synthesiser", ladder, why);
        return engine == nullptr ? nullptr : metered(engine, places_of(*engine));
    }

  private:
    std::unique_ptr<Recogniser> deepgram() {
        return options_.deepgram ? deepgram::make_recogniser(*options_.deepgram) : nullptr;
    }

    std::shared_ptr<Synthesiser> elevenlabs() {
        return options_.elevenlabs
                   ? make_elevenlabs(options_.http, options_.elevenlabs_key, *options_.elevenlabs)
                   : nullptr;
    }

    // Answers at a time; 0: as many as there are.
    size_t places_of(const Synthesiser& synthesiser) const {
        if (synthesiser.engine() == "elevenlabs" && options_.elevenlabs) {
            return options_.elevenlabs->max_streams;
        }
        return synthesiser.engine() == "flite" ? options_.flite.max_streams : 0;
    }

    std::unique_ptr<UtteranceModelFactory> moonshine() {
        MoonshineOptions wanted;
        wanted.folder = options_.dir / kMoonshineFolder;
        wanted.examples = likely_texts(options_.names);
        return load_moonshine(runtime(), wanted);
    }

    std::unique_ptr<UtteranceModelFactory> pocketsphinx() {
        const PocketsphinxOptions options;
        if (!pocketsphinx_present(options)) {
            throw std::runtime_error("its acoustic model is not in " + options.model_dir.string() +
                                     " (Debian: pocketsphinx-en-us)");
        }
        return std::make_unique<PocketsphinxFactory>(options, options_.names);
    }

    std::unique_ptr<Recogniser> embedded(std::unique_ptr<UtteranceModelFactory> models) {
        std::string why;
        auto detectors = climb<std::unique_ptr<VadFactory>>(
            options_.detector, "speech_detector",
            {{"silero", [this] { return load_silero(runtime(), {options_.dir / kSileroModel}); }},
             {"energy", [] { return std::make_unique<EnergyVadFactory>(); }}},
            why);
        if (!why.empty()) {
            log::info("a better detector of speech is not here", {{"cause", why}});
        }
        return std::make_unique<EmbeddedRecogniser>(options_.local, std::move(models),
                                                    std::move(detectors));
    }

    const std::shared_ptr<const onnx::Runtime>& runtime() {
        if (runtime_ == nullptr) {
            runtime_ = onnx::Runtime::load(options_.dir / kLibrary);
        }
        return runtime_;
    }

    EngineOptions options_;
    std::shared_ptr<const onnx::Runtime> runtime_;
};

void say(std::string_view what, std::string_view engine, const std::string& passed_over) {
    if (passed_over.empty()) {
        log::info(what, {{"engine", engine}});
    } else {
        log::info(what, {{"engine", engine}, {"passed_over", passed_over}});
    }
}

} // namespace

Engines make_engines(EngineOptions options) {
    const bool hears = options.recogniser != kNone;
    const bool speaks = options.synthesiser != kNone;
    Engines engines;
    engines.http = options.http;
    Maker maker(std::move(options));
    std::string why;
    engines.no_recogniser = "Voice is switched off here";
    if (hears) {
        engines.recogniser = maker.recogniser(why);
        engines.no_recogniser = "No speech recognition is set up here";
        say("speech is recognised", engines.recogniser ? engines.recogniser->engine() : kNone, why);
    }
    why.clear();
    if (speaks) {
        engines.synthesiser = maker.synthesiser(why);
        say("answers are spoken", engines.synthesiser ? engines.synthesiser->engine() : kNone, why);
    }
    return engines;
}

} // namespace mr::voice

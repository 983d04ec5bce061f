// Which engines hear and speak: the best that is configured and present, or the one that is named.
// Loads what they need, which takes a second or two: before the loop runs.
#pragma once

#include "worker/voice/deepgram/options.h"
#include "worker/voice/elevenlabs/elevenlabs.h"
#include "worker/voice/flite/flite.h"
#include "worker/voice/local_recogniser.h"
#include "worker/voice/names.h"
#include "worker/voice/synthesiser.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace mr::voice {

inline constexpr std::string_view kAuto = "auto"; // of the three below
inline constexpr std::string_view kNone = "none";

struct EngineOptions {
    std::string recogniser{kAuto};  // deepgram, moonshine, pocketsphinx, stub
    std::string synthesiser{kAuto}; // elevenlabs, flite, tone
    std::string detector{kAuto};    // silero, energy
    std::filesystem::path dir;      // of onnxruntime's library and the weights
    SpeechNames names;              // that are likely to be said
    LocalRecogniserOptions local;
    FliteOptions flite;
    std::optional<deepgram::Options> deepgram;   // null: no key
    std::optional<ElevenLabsOptions> elevenlabs; // null: no key
    std::string elevenlabs_key;
    std::shared_ptr<net::HttpClient> http; // of ElevenLabs
    bool stub_recogniser = false;          // what auto means then
    bool stub_synthesiser = false;
};

struct Engines {
    std::shared_ptr<net::HttpClient> http;  // outlives who uses it
    std::shared_ptr<Recogniser> recogniser; // null: none is here
    std::string no_recogniser;              // then: why, for a user
    std::shared_ptr<Synthesiser> synthesiser;
};

// Throws std::runtime_error when an engine that is named cannot be had, with the cure; what auto
// passes over is logged. Destroy the result before the event loop.
Engines make_engines(EngineOptions options);

} // namespace mr::voice

#include "worker/settings_voice.h"

#include "worker/settings_checks.h"
#include "worker/settings_data.h"
#include "worker/small_file.h"

#include <sstream>
#include <stdexcept>
#include <utility>

namespace mr {
namespace {

constexpr size_t kMaxNamesFileBytes = 1024 * 1024;

voice::SpeechNames names_of(const VoiceSettings& voice) {
    if (voice.names_file.empty()) {
        return voice::demo_names();
    }
    voice::SpeechNames names;
    std::istringstream lines(read_small_file(voice.names_file, kMaxNamesFileBytes));
    for (std::string line; std::getline(lines, line);) {
        std::string name = checks::trimmed(line);
        if (!name.empty()) {
            names.projects.push_back(std::move(name));
        }
    }
    return names;
}

voice::ElevenLabsOptions elevenlabs_options(const Settings& settings) {
    const ElevenLabsSettings& from = settings.elevenlabs;
    voice::ElevenLabsOptions options;
    options.endpoint = endpoint_of(from, settings);
    options.model = from.model;
    options.voice = from.voice;
    options.language = from.language;
    options.rate = static_cast<unsigned>(from.rate);
    options.logging = from.logging;
    options.max_retries = static_cast<unsigned>(from.retries);
    options.max_concurrent = static_cast<unsigned>(from.concurrent);
    return options;
}

} // namespace

bool Settings::elevenlabs_active() const {
    return !elevenlabs.api_key.empty() || elevenlabs.base_url != kElevenLabsUrl;
}

void checks::check_voice(Settings& settings, const Origin& origin) {
    VoiceSettings& voice = settings.voice;
    check_word(voice.recogniser, {"auto", "deepgram", "moonshine", "pocketsphinx", "stub", "none"},
               origin, "recogniser");
    check_word(voice.synthesiser, {"auto", "elevenlabs", "flite", "tone", "none"}, origin,
               "synthesiser");
    check_word(voice.detector, {"auto", "silero", "energy"}, origin, "speech_detector");
    check_word(voice.progress, {"off", "words", "chime"}, origin, "voice_progress");
    check_word(voice.flite_voice, {"slt", "rms", "awb", "kal16"}, origin, "flite_voice");
    if (voice.language.empty() || !plain_name(voice.language)) {
        refuse(origin, "voice_language", "is no code such as en or en-US");
    }
    try {
        names_of(voice);
    } catch (const std::exception& problem) {
        refuse(origin, "voice_names_file", "names " + voice.names_file + ": " + problem.what());
    }
    read_api_key(settings.elevenlabs, "elevenlabs", origin);
    check_connection(settings.elevenlabs, "elevenlabs", origin);
    for (const auto& [name, value] : {std::pair{"elevenlabs_model", &settings.elevenlabs.model},
                                      std::pair{"elevenlabs_voice", &settings.elevenlabs.voice}}) {
        if (value->empty()) {
            refuse(origin, name, "is empty");
        }
    }
    if (!plain_name(settings.elevenlabs.language)) {
        refuse(origin, "elevenlabs_language", "is no code such as en");
    }
    check_word(std::to_string(settings.elevenlabs.rate),
               {"8000", "16000", "22050", "24000", "44100", "48000"}, origin, "elevenlabs_rate");
}

voice::EngineOptions engine_options(const Settings& settings) {
    const VoiceSettings& from = settings.voice;
    voice::EngineOptions options;
    options.recogniser = from.recogniser;
    options.synthesiser = from.synthesiser;
    options.detector = from.detector;
    options.dir = from.dir;
    options.names = names_of(from);
    options.local.threads = static_cast<unsigned>(from.threads);
    options.local.max_streams = from.streams;
    options.local.endpointing.hang_over_ms = from.hang_over.count();
    options.flite.voice = from.flite_voice;
    options.stub_recogniser = from.stub_deepgram;
    options.stub_synthesiser = from.stub_elevenlabs;
    if (settings.elevenlabs_active()) {
        net::HttpOptions http;
        http.ca_file = settings.provider_ca_file;
        http.proxy = settings.provider_proxy;
        http.http2 = settings.provider_http2;
        options.http = std::make_shared<net::HttpClient>(std::move(http));
        options.elevenlabs = elevenlabs_options(settings);
        options.elevenlabs_key = settings.elevenlabs.api_key;
    }
    return options;
}

TtsOptions tts_options(const Settings& settings) {
    TtsOptions options;
    options.max_text_bytes = settings.voice.max_text;
    return options;
}

VoiceOptions voice_options(const Settings& settings) {
    const VoiceSettings& from = settings.voice;
    VoiceOptions options;
    options.silence_limit = from.silence_limit;
    options.progress = from.progress == "off"     ? SpokenProgress::off
                       : from.progress == "chime" ? SpokenProgress::chime
                                                  : SpokenProgress::words;
    options.progress_after = from.progress_after;
    options.max_spoken_bytes = from.max_spoken;
    return options;
}

} // namespace mr

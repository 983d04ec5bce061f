#include "worker/settings_voice.h"

#include "worker/net/url_target.h"
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

voice::deepgram::Options deepgram_options(const Settings& settings,
                                          const voice::SpeechNames& names) {
    const DeepgramSettings& from = settings.deepgram;
    voice::deepgram::Options options;
    options.base_url = from.base_url;
    options.api_key = from.api_key;
    options.key_scheme = from.key_scheme;
    options.model = from.model;
    options.language = from.language;
    options.endpointing = from.endpointing;
    options.utterance_end = from.utterance_end;
    options.finalize_wait = from.finalize_wait;
    options.result_timeout = from.result_timeout;
    options.connect_timeout = settings.provider_connect_timeout;
    options.smart_format = from.smart_format;
    options.punctuate = from.punctuate;
    options.numerals = from.numerals;
    options.profanity_filter = from.profanity_filter;
    options.mip_opt_out = from.mip_opt_out;
    options.tag = from.tag;
    options.keyword_boost = static_cast<unsigned>(from.keyword_boost);
    options.max_streams = static_cast<unsigned>(from.max_streams);
    options.reconnects = static_cast<unsigned>(from.reconnects);
    options.ca_file = from.ca_file.empty() ? settings.provider_ca_file : from.ca_file;
    options.proxy = from.proxy.empty() ? settings.provider_proxy : from.proxy;
    options.connect_to = from.connect_to;
    if (from.vocabulary) {
        options.vocabulary = names.all();
    }
    return options;
}

voice::ElevenLabsOptions elevenlabs_options(const Settings& settings) {
    const ElevenLabsSettings& from = settings.elevenlabs;
    voice::ElevenLabsOptions options;
    options.endpoint = endpoint_of(from, settings);
    if (from.socket) { // it has no HTTP client that knows the others'
        options.endpoint.ca_file = from.ca_file.empty() ? settings.provider_ca_file : from.ca_file;
        options.endpoint.proxy = from.proxy.empty() ? settings.provider_proxy : from.proxy;
    }
    options.model = from.model;
    options.voice = from.voice;
    options.language = from.language;
    options.rate = static_cast<unsigned>(from.rate);
    options.logging = from.logging;
    options.socket = from.socket;
    options.max_retries = static_cast<unsigned>(from.retries);
    options.max_concurrent = static_cast<unsigned>(from.concurrent);
    return options;
}

// A WebSocket goes through fewer kinds of proxy than other requests.
void check_socket_proxy(const Settings& settings, const std::string& own, const std::string& name,
                        const checks::Origin& origin) {
    const std::string& proxy = own.empty() ? settings.provider_proxy : own;
    if (!proxy.empty() && !net::read_proxy(proxy)) {
        checks::refuse(
            origin, own.empty() ? "provider_proxy" : name + "_proxy",
            "is not of the form http://[user:password@]host[:port], and the WebSocket to " + name +
                " goes through no other" + (own.empty() ? ": set " + name + "_proxy" : ""));
    }
}

void check_deepgram(DeepgramSettings& deepgram, const checks::Origin& origin) {
    checks::read_api_key(deepgram, "deepgram", origin);
    checks::check_connection(deepgram, "deepgram", origin);
    checks::check_word(deepgram.key_scheme, {"Token", "Bearer"}, origin, "deepgram_key_scheme");
    if (deepgram.model.empty() || !checks::plain_name(deepgram.model)) {
        checks::refuse(origin, "deepgram_model", "is no name such as nova-3");
    }
    if (!checks::plain_name(deepgram.language)) {
        checks::refuse(origin, "deepgram_language", "is no code such as en or en-US");
    }
}

void check_elevenlabs(ElevenLabsSettings& elevenlabs, const checks::Origin& origin) {
    checks::read_api_key(elevenlabs, "elevenlabs", origin);
    checks::check_connection(elevenlabs, "elevenlabs", origin);
    for (const auto& [name, value] : {std::pair{"elevenlabs_model", &elevenlabs.model},
                                      std::pair{"elevenlabs_voice", &elevenlabs.voice}}) {
        if (value->empty()) {
            checks::refuse(origin, name, "is empty");
        }
    }
    if (!checks::plain_name(elevenlabs.language)) {
        checks::refuse(origin, "elevenlabs_language", "is no code such as en");
    }
    checks::check_word(std::to_string(elevenlabs.rate),
                       {"8000", "16000", "22050", "24000", "44100", "48000"}, origin,
                       "elevenlabs_rate");
}

} // namespace

bool Settings::deepgram_active() const {
    return !deepgram.api_key.empty() || deepgram.base_url != kDeepgramUrl;
}

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
    check_deepgram(settings.deepgram, origin);
    check_elevenlabs(settings.elevenlabs, origin);
    if (settings.deepgram_active() &&
        (voice.recogniser == "auto" || voice.recogniser == "deepgram")) {
        check_socket_proxy(settings, settings.deepgram.proxy, "deepgram", origin);
    }
    if (settings.elevenlabs_active() && settings.elevenlabs.socket &&
        (voice.synthesiser == "auto" || voice.synthesiser == "elevenlabs")) {
        check_socket_proxy(settings, settings.elevenlabs.proxy, "elevenlabs", origin);
    }
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
    if (settings.deepgram_active()) {
        options.deepgram = deepgram_options(settings, options.names);
    }
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
    options.language = from.language;
    options.silence_limit = from.silence_limit;
    options.progress = from.progress == "off"     ? SpokenProgress::off
                       : from.progress == "chime" ? SpokenProgress::chime
                                                  : SpokenProgress::words;
    options.progress_after = from.progress_after;
    options.max_spoken_bytes = from.max_spoken;
    return options;
}

} // namespace mr

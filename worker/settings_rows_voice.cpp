// The part of the table of settings that is about voice.
#include "worker/settings_tables.h"

namespace mr {
namespace {

template <typename T> SettingMember voice(T VoiceSettings::* part) {
    return {&Settings::voice, part};
}
template <typename T> SettingMember elevenlabs(T ElevenLabsSettings::* part) {
    return {&Settings::elevenlabs, part};
}

template <typename T> SettingMember deepgram(T DeepgramSettings::* part) {
    return {&Settings::deepgram, part};
}

const SettingRow kRows[] = {
    {"recogniser", "auto", voice(&VoiceSettings::recogniser), 0, 0, "name",
     "who hears: deepgram, moonshine, pocketsphinx, stub, none; auto: the first of them that is "
     "set "
     "up, without the stub"},
    {"synthesiser", "auto", voice(&VoiceSettings::synthesiser), 0, 0, "name",
     "who speaks: elevenlabs, flite, tone, none; auto: the first that is set up"},
    {"speech_detector", "auto", voice(&VoiceSettings::detector), 0, 0, "name",
     "what finds speech for an embedded recogniser: silero, energy; auto: the first that is there"},
    {"voice_dir", "voice", voice(&VoiceSettings::dir), 0, 0, "path",
     "folder with onnxruntime's library and the weights"},
    {"voice_names_file", "", voice(&VoiceSettings::names_file), 0, 0, "path",
     "names that are likely to be said, one a line; empty: those of the embedded company"},
    {"voice_language", "en", voice(&VoiceSettings::language), 0, 0, "code", "of what is said"},
    {"voice_streams", "8", voice(&VoiceSettings::streams), 1, 1000, "count",
     "microphones that the embedded recogniser hears at a time"},
    {"voice_threads", "1", voice(&VoiceSettings::threads), 1, 64, "count",
     "threads that it recognises on"},
    {"voice_hang_over", "500ms", voice(&VoiceSettings::hang_over), 100, 5 * kSecond, "",
     "silence that ends what is said"},
    {"voice_silence_limit", "30s", voice(&VoiceSettings::silence_limit), kSecond, kHour, "",
     "a microphone from which nothing comes is closed"},
    {"voice_progress", "words", voice(&VoiceSettings::progress), 0, 0, "word",
     "what is heard while an answer is worked out: off, words, chime"},
    {"voice_progress_after", "1500ms", voice(&VoiceSettings::progress_after), 100, kMinute, "",
     "of silence"},
    {"voice_max_spoken", "8000", voice(&VoiceSettings::max_spoken), 100, 1'000'000, "bytes",
     "of one answer; what follows is only written"},
    {"tts_max_text", "20000", voice(&VoiceSettings::max_text), 100, 1'000'000, "bytes",
     "of one text of POST /v1/tts"},
    {"flite_voice", "slt", voice(&VoiceSettings::flite_voice), 0, 0, "name",
     "of the embedded synthesiser: slt, rms, awb, kal16"},
    {"stub_deepgram", "false", voice(&VoiceSettings::stub_deepgram), 0, 0, "",
     "development mode: what is heard depends on how long somebody spoke (also STUB_DEEPGRAM)"},
    {"stub_elevenlabs", "false", voice(&VoiceSettings::stub_elevenlabs), 0, 0, "",
     "development mode: answers are a tone (also STUB_ELEVENLABS)"},
    {"deepgram_api_key", "", deepgram(&DeepgramSettings::api_key), 0, 0, "key",
     "Deepgram hears; better given as a file or variable (also DEEPGRAM_API_KEY)", true},
    {"deepgram_api_key_file", "", deepgram(&DeepgramSettings::api_key_file), 0, 0, "path",
     "file that holds the key"},
    {"deepgram_key_scheme", "Token", deepgram(&DeepgramSettings::key_scheme), 0, 0, "word",
     "Token, or Bearer for a short-lived token"},
    {"deepgram_base_url", kDeepgramUrl, deepgram(&DeepgramSettings::base_url), 0, 0, "URL",
     "server that speaks Deepgram's API, with its version; regional hosts are others"},
    {"deepgram_model", "nova-3", deepgram(&DeepgramSettings::model), 0, 0, "name",
     "which of its models"},
    {"deepgram_language", "", deepgram(&DeepgramSettings::language), 0, 0, "code",
     "instead of voice_language, for Deepgram alone"},
    {"deepgram_endpointing", "300ms", deepgram(&DeepgramSettings::endpointing), 0, 10 * kSecond, "",
     "silence that ends what is said; 0: off"},
    {"deepgram_utterance_end", "1s", deepgram(&DeepgramSettings::utterance_end), kSecond,
     10 * kSecond, "", "gap between words that does, where noise keeps silence from being found"},
    {"deepgram_finalize_wait", "1500ms", deepgram(&DeepgramSettings::finalize_wait), 100,
     10 * kSecond, "", "for the last words behind the release of the key"},
    {"deepgram_result_timeout", "10s", deepgram(&DeepgramSettings::result_timeout), kSecond,
     kMinute, "", "nothing is said to audio for so long: another connection"},
    {"deepgram_vocabulary", "true", deepgram(&DeepgramSettings::vocabulary), 0, 0, "",
     "Deepgram is told the names that are likely to be said, at most 100"},
    {"deepgram_keyword_boost", "2", deepgram(&DeepgramSettings::keyword_boost), 1, 10, "",
     "of those names, for nova-2 and older"},
    {"deepgram_smart_format", "true", deepgram(&DeepgramSettings::smart_format), 0, 0, "",
     "dates, money, numbers as they are written"},
    {"deepgram_punctuate", "true", deepgram(&DeepgramSettings::punctuate), 0, 0, "",
     "full stops, commas, capitals"},
    {"deepgram_numerals", "false", deepgram(&DeepgramSettings::numerals), 0, 0, "",
     "digits for numbers"},
    {"deepgram_profanity_filter", "false", deepgram(&DeepgramSettings::profanity_filter), 0, 0, "",
     "swear words left out"},
    {"deepgram_mip_opt_out", "false", deepgram(&DeepgramSettings::mip_opt_out), 0, 0, "",
     "Deepgram may not use what it hears to improve its models"},
    {"deepgram_tag", "", deepgram(&DeepgramSettings::tag), 0, 0, "name",
     "in Deepgram's reports of usage"},
    {"deepgram_max_streams", "100", deepgram(&DeepgramSettings::max_streams), 1, 10'000, "count",
     "microphones that this worker sends there at a time; accounts have 50 to 150"},
    {"deepgram_reconnects", "5", deepgram(&DeepgramSettings::reconnects), 0, 100, "count",
     "connections in a row without a result, then the microphone is closed"},
    {"deepgram_ca_file", "", deepgram(&DeepgramSettings::ca_file), 0, 0, "path",
     "instead of provider_ca_file, for Deepgram alone"},
    {"deepgram_proxy", "", deepgram(&DeepgramSettings::proxy), 0, 0, "URL",
     "instead of provider_proxy, for Deepgram alone; http:// only", true},
    {"deepgram_connect_to", "", deepgram(&DeepgramSettings::connect_to), 0, 0, "host:port",
     "connected to instead of the URL's host; certificates are checked for the URL's"},
    {"elevenlabs_api_key", "", elevenlabs(&ElevenLabsSettings::api_key), 0, 0, "key",
     "ElevenLabs speaks; better given as a file or variable (also ELEVENLABS_API_KEY)", true},
    {"elevenlabs_api_key_file", "", elevenlabs(&ElevenLabsSettings::api_key_file), 0, 0, "path",
     "file that holds the key"},
    {"elevenlabs_base_url", kElevenLabsUrl, elevenlabs(&ElevenLabsSettings::base_url), 0, 0, "URL",
     "server that speaks ElevenLabs' API; regional hosts are others"},
    {"elevenlabs_model", "eleven_flash_v2_5", elevenlabs(&ElevenLabsSettings::model), 0, 0, "name",
     "which of its models"},
    {"elevenlabs_voice", "rachel", elevenlabs(&ElevenLabsSettings::voice), 0, 0, "name",
     "a name of the account's voices, or an id of 20 characters"},
    {"elevenlabs_language", "", elevenlabs(&ElevenLabsSettings::language), 0, 0, "code",
     "ISO 639-1; empty: as the text is"},
    {"elevenlabs_rate", "16000", elevenlabs(&ElevenLabsSettings::rate), 8'000, 48'000, "Hz",
     "8000, 16000, 22050, 24000, 44100 or 48000, as far as the plan allows"},
    {"elevenlabs_concurrent", "4", elevenlabs(&ElevenLabsSettings::concurrent), 1, 1000, "count",
     "requests of this worker at a time; the plan's limit, if less"},
    {"elevenlabs_retries", "2", elevenlabs(&ElevenLabsSettings::retries), 0, 10, "count",
     "further tries of a clause of which nothing was heard yet"},
    {"elevenlabs_logging", "true", elevenlabs(&ElevenLabsSettings::logging), 0, 0, "",
     "false: ElevenLabs keeps nothing (enterprise plans)"},
    {"elevenlabs_socket", "false", elevenlabs(&ElevenLabsSettings::socket), 0, 0, "",
     "one WebSocket for an answer instead of a request for each clause"},
    {"elevenlabs_ca_file", "", elevenlabs(&ElevenLabsSettings::ca_file), 0, 0, "path",
     "instead of provider_ca_file, for ElevenLabs alone"},
    {"elevenlabs_proxy", "", elevenlabs(&ElevenLabsSettings::proxy), 0, 0, "URL",
     "instead of provider_proxy, for ElevenLabs alone", true},
    {"elevenlabs_connect_to", "", elevenlabs(&ElevenLabsSettings::connect_to), 0, 0, "host:port",
     "connected to instead of the URL's host; certificates are checked for the URL's"},
};

} // namespace

std::span<const SettingRow> voice_setting_rows() {
    return kRows;
}

} // namespace mr

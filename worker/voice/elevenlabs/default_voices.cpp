#include "worker/voice/elevenlabs/default_voices.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace mr::voice::elevenlabs {
namespace {

struct DefaultVoice {
    std::string_view name;
    std::string_view id;
};

// https://elevenlabs.io/docs/capabilities/voices, "Default voices"; ids as GET /v1/voices says
// them.
constexpr std::array kVoices{
    DefaultVoice{"adam", "pNInz6obpgDQGcFmaJgB"},    DefaultVoice{"alice", "Xb7hH8MSUJpSbSDYk0k2"},
    DefaultVoice{"bella", "hpp4J3VqNfWAUOO0d1Us"},   DefaultVoice{"bill", "pqHfZKP75CvOlQylNhV4"},
    DefaultVoice{"brian", "nPczCjzI2devNBz1zQrb"},   DefaultVoice{"callum", "N2lVS1w4EtoT3dr4eOWO"},
    DefaultVoice{"charlie", "IKne3meq5aSn9XLyUdCD"}, DefaultVoice{"chris", "iP95p4xoKVk53GoZ742B"},
    DefaultVoice{"daniel", "onwK4e9ZLuTAKqWW03F9"},  DefaultVoice{"eric", "cjVigY5qzO86Huf0OWal"},
    DefaultVoice{"george", "JBFqnCBsd6RMkjVDRZzb"},  DefaultVoice{"harry", "SOYHLrjzK2X1ezoPC6cr"},
    DefaultVoice{"jessica", "cgSgspJ2msm6clMCkdW9"}, DefaultVoice{"laura", "FGY2WhTYpPnrIDTdsKH5"},
    DefaultVoice{"liam", "TX3LPaxmHKxFdv7VOQHJ"},    DefaultVoice{"lily", "pFZP5JQG7iQjIQuC4Bku"},
    DefaultVoice{"matilda", "XrExE9yKIg1WjnnlVkGX"}, DefaultVoice{"rachel", "21m00Tcm4TlvDq8ikWAM"},
    DefaultVoice{"river", "SAz9YHcvj6GT2YYXdXww"},   DefaultVoice{"roger", "CwhRBWXzGAHq8TQ4Fs17"},
    DefaultVoice{"sarah", "EXAVITQu4vr4xnSDxMaL"},   DefaultVoice{"will", "bIHbv24MWmeRgasZH58o"},
};

bool same(std::string_view name, std::string_view lower) {
    return std::ranges::equal(name, lower, [](unsigned char one, unsigned char other) {
        return std::tolower(one) == other;
    });
}

} // namespace

std::string_view default_voice(std::string_view name) {
    const auto* found = std::ranges::find_if(
        kVoices, [name](const DefaultVoice& one) { return same(name, one.name); });
    return found == kVoices.end() ? std::string_view() : found->id;
}

} // namespace mr::voice::elevenlabs

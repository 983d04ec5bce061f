#include "tests/emulator/elevenlabs_sound.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>

namespace mr::emulator {
namespace {

constexpr double kMaxSeconds = 120;
constexpr double kHertz = 220;
constexpr double kLoudness = 6'000;
constexpr std::string_view kPcm = "pcm_";

constexpr std::array<std::string_view, 18> kFormats{
    "mp3_22050_32",  "mp3_24000_48",  "mp3_44100_32", "mp3_44100_64", "mp3_44100_96",
    "mp3_44100_128", "mp3_44100_192", "pcm_8000",     "pcm_16000",    "pcm_22050",
    "pcm_24000",     "pcm_32000",     "pcm_44100",    "pcm_48000",    "ulaw_8000",
    "alaw_8000",     "opus_48000_32", "opus_48000_64"};

} // namespace

std::string elevenlabs_tone(std::size_t characters, unsigned rate, unsigned character_ms) {
    const double seconds =
        std::min(static_cast<double>(characters) * character_ms / 1000, kMaxSeconds);
    const auto count = static_cast<std::size_t>(seconds * rate);
    std::string bytes;
    bytes.reserve(count * 2);
    for (std::size_t i = 0; i < count; ++i) {
        const double at = static_cast<double>(i) / rate;
        const int sample =
            static_cast<int>(kLoudness * std::sin(2 * std::numbers::pi * kHertz * at));
        bytes += static_cast<char>(sample & 0xFF);
        bytes += static_cast<char>((sample >> 8) & 0xFF);
    }
    return bytes;
}

unsigned elevenlabs_rate(std::string_view format) {
    unsigned rate = 0;
    if (elevenlabs_has_format(format) && format.starts_with(kPcm)) {
        std::from_chars(format.data() + kPcm.size(), format.data() + format.size(), rate);
    }
    return rate;
}

bool elevenlabs_has_format(std::string_view format) {
    return std::ranges::find(kFormats, format) != kFormats.end();
}

} // namespace mr::emulator

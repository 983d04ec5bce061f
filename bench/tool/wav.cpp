#include "bench/tool/voice.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr size_t kRiffBytes = 12;
constexpr size_t kChunkHeadBytes = 8;
constexpr uint32_t kRate = 16'000;

template <typename Number> Number number_at(const std::string& bytes, size_t at) {
    Number value{};
    std::memcpy(&value, bytes.data() + at, sizeof(value)); // both are little endian
    return value;
}

} // namespace

// RIFF: "WAVE", then chunks of a name, a length and so many bytes, padded to even.
std::vector<int16_t> read_wav(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (bytes.size() < kRiffBytes || bytes.compare(0, 4, "RIFF") != 0 ||
        bytes.compare(8, 4, "WAVE") != 0) {
        throw std::runtime_error(path + " is no WAV file");
    }
    bool fits = false;
    for (size_t at = kRiffBytes; at + kChunkHeadBytes <= bytes.size();) {
        const size_t begin = at + kChunkHeadBytes;
        const size_t length =
            std::min<size_t>(number_at<uint32_t>(bytes, at + 4), bytes.size() - begin);
        if (bytes.compare(at, 4, "fmt ") == 0 && length >= 16) {
            fits = number_at<uint16_t>(bytes, begin) == 1 &&
                   number_at<uint16_t>(bytes, begin + 2) == 1 &&
                   number_at<uint32_t>(bytes, begin + 4) == kRate &&
                   number_at<uint16_t>(bytes, begin + 14) == 16;
        } else if (bytes.compare(at, 4, "data") == 0 && fits) {
            std::vector<int16_t> samples(length / sizeof(int16_t));
            std::memcpy(samples.data(), bytes.data() + begin, samples.size() * sizeof(int16_t));
            if (!samples.empty()) {
                return samples;
            }
        }
        at = begin + length + length % 2;
    }
    throw std::runtime_error(path + " is not 16 bit, mono, at 16000 Hz, with sound in it");
}

} // namespace mr::bench

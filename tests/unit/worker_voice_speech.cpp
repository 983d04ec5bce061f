#include "tests/unit/worker_voice_speech.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

namespace mr::test::speech {
namespace {

constexpr const char* kFlite = "/usr/bin/flite";
constexpr size_t kWavHeader = 44; // as flite writes it

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    bool open = false;
    for (const char c : text) {
        const bool inside = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '\'';
        if (inside && !open) {
            words.emplace_back();
        }
        if (inside) {
            words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        }
        open = inside;
    }
    return words;
}

} // namespace

std::filesystem::path voice_files() {
    const char* given = std::getenv("MR_VOICE_DIR");
    return given != nullptr ? given : MR_VOICE_FILES;
}

std::string voice_lacks() {
    if (!std::filesystem::exists(kFlite)) {
        return "flite is not installed: apt-get install flite";
    }
    if (!std::filesystem::exists(voice_files() / ".state")) {
        return voice_files().string() + " is not there: ./mr test fetches it, with npm";
    }
    return {};
}

voice::Pcm spoken(std::string_view text, std::string_view voice) {
    std::string file = testing::TempDir() + "mr-spoken-XXXXXX";
    const int descriptor = mkstemp(file.data());
    if (descriptor < 0) {
        throw std::runtime_error("no temporary file: " + file);
    }
    close(descriptor);
    const std::string command = std::string(kFlite) + " -voice " + std::string(voice) + " -t '" +
                                std::string(text) + "' -o " + file;
    const int code = std::system(command.c_str());
    std::ifstream in(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    std::filesystem::remove(file);
    if (code != 0 || bytes.size() <= kWavHeader) {
        throw std::runtime_error("flite did not speak: " + command);
    }
    voice::Pcm samples((bytes.size() - kWavHeader) / sizeof(voice::Sample));
    std::memcpy(samples.data(), bytes.data() + kWavHeader, samples.size() * sizeof(voice::Sample));
    return samples;
}

voice::Pcm noise(int64_t ms, double peak) {
    voice::Pcm samples(voice::to_samples(ms));
    uint32_t state = 2'463'534'242;
    for (voice::Sample& sample : samples) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        const double unit = static_cast<double>(state) / 2'147'483'648.0 - 1;
        sample = static_cast<voice::Sample>(unit * peak * 32'767);
    }
    return samples;
}

voice::Pcm silence(int64_t ms) {
    return voice::Pcm(voice::to_samples(ms));
}

double word_error_rate(std::string_view meant, std::string_view heard) {
    const std::vector<std::string> want = words_of(meant);
    const std::vector<std::string> have = words_of(heard);
    std::vector<size_t> row(have.size() + 1);
    for (size_t i = 0; i < row.size(); ++i) {
        row[i] = i;
    }
    for (size_t i = 1; i <= want.size(); ++i) {
        size_t diagonal = std::exchange(row[0], i);
        for (size_t j = 1; j <= have.size(); ++j) {
            const size_t changed = diagonal + (want[i - 1] == have[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
        }
    }
    return static_cast<double>(row.back()) / static_cast<double>(std::max<size_t>(want.size(), 1));
}

} // namespace mr::test::speech

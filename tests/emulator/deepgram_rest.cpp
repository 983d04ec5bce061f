#include "tests/emulator/deepgram_rest.h"

#include "tests/emulator/provider.h"

#include <openssl/evp.h>

#include <array>
#include <limits>
#include <utility>

namespace mr::emulator {
namespace {

using nlohmann::json;

std::string sha256_of(std::string_view bytes) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::string hex;
    for (unsigned i = 0; i < size; ++i) {
        hex += "0123456789abcdef"[digest[i] >> 4];
        hex += "0123456789abcdef"[digest[i] & 15];
    }
    return hex;
}

std::vector<std::int16_t> samples_of(std::string_view bytes) {
    std::vector<std::int16_t> samples(bytes.size() / 2);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const auto low = static_cast<unsigned char>(bytes[2 * i]);
        const auto high = static_cast<unsigned char>(bytes[2 * i + 1]);
        samples[i] = static_cast<std::int16_t>(low | high << 8);
    }
    return samples;
}

} // namespace

Answer deepgram_recorded(EarOptions options, std::string_view sound, const Behaviour& how) {
    const std::string id = options.request_id;
    options.interim_ms = options.endpointing_ms = 0;
    options.final_ms = std::numeric_limits<std::uint32_t>::max(); // one piece
    if (how.answer.is_object()) {
        options.words = how.answer.value("words", options.words);
    }
    DeepgramEar ear(std::move(options));
    (void)ear.hear(samples_of(sound));
    const double seconds = ear.heard_seconds();
    json alternative{{"transcript", ""}, {"confidence", 0.0}, {"words", json::array()}};
    for (const json& results : ear.flush(false)) {
        alternative = results["channel"]["alternatives"][0];
    }
    const json channel{{"alternatives", json::array({alternative})}};
    return json_answer(200,
                       {{"metadata",
                         {{"transaction_key", "deprecated"},
                          {"request_id", id},
                          {"sha256", sha256_of(sound)},
                          {"created", "2026-11-28T00:00:00.000Z"},
                          {"duration", seconds},
                          {"channels", 1}}},
                        {"results", {{"channels", json::array({channel})}}}},
                       {{"dg-request-id", id}});
}

Answer deepgram_models(const std::vector<std::string>& models, const std::string& request_id) {
    json list = json::array();
    for (const std::string& name : models) {
        list.push_back({{"name", "general"},
                        {"canonical_name", name + "-general"},
                        {"architecture", name},
                        {"languages", {"en", "en-US", "de"}},
                        {"version", "2026-01-01.0"},
                        {"uuid", fresh_id("00000000-0000-4000-9000-")},
                        {"batch", true},
                        {"streaming", true},
                        {"formatted_output", true}});
    }
    return json_answer(200, {{"stt", list}, {"tts", json::array()}},
                       {{"dg-request-id", request_id}});
}

} // namespace mr::emulator

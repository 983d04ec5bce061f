// Deepgram: a tenth of a second of silence is recognised, with the model and the language that
// microphones are heard with. It is the only call of its API that says all at once: whether the key
// is good, may use the model, and has credit left; the lists of projects and of models need rights
// that a key for recognition does not have. Self-hosted servers have it as well.
#include "worker/checks/verdict.h"
#include "worker/encoding.h"
#include "worker/providers/remote_json.h"
#include "worker/voice/audio.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace mr::checkup {
namespace {

using nlohmann::json;

constexpr std::int64_t kSilenceMs = 100;
constexpr std::size_t kMaxListed = 2'000;

std::string language_of(const Settings& settings) {
    return settings.deepgram.language.empty() ? settings.voice.language
                                              : settings.deepgram.language;
}

Target deepgram_target(const Settings& settings) {
    const DeepgramSettings& from = settings.deepgram;
    Target target = target_of(settings, from, "Deepgram", "deepgram");
    target.headers.push_back("Authorization: " + from.key_scheme + " " + from.api_key);
    target.missing = "model " + from.model + " for the language " + language_of(settings);
    target.key_cure = "put a valid key in deepgram_api_key, its file or DEEPGRAM_API_KEY";
    target.permission_cure = "give the key's project access to model " + from.model +
                             ", give the key the right usage:write, or correct deepgram_model";
    target.missing_cure = "correct deepgram_model or deepgram_language (or voice_language)";
    target.quota_cure = "add to the project's balance in Deepgram's console";
    target.region_cure = "correct deepgram_base_url: regions have their own hosts";
    return target;
}

Question silence_question(const Settings& settings) {
    const std::string path = "/listen?model=" + percent_encoded(settings.deepgram.model) +
                             "&language=" + percent_encoded(language_of(settings)) +
                             "&encoding=linear16&sample_rate=" + std::to_string(voice::kVoiceRate) +
                             "&channels=1";
    const std::size_t bytes = voice::to_samples(kSilenceMs) * sizeof(voice::Sample);
    return Question("POST", path, std::string(bytes, '\0'), "application/octet-stream");
}

// 400 is its answer to a model that it does not have; the words alone say so.
bool lacks_the_model(const Reply& reply) {
    if (reply.error || reply.head.status != 400) {
        return false;
    }
    std::string words = error_words(reply.json, "").message;
    std::transform(words.begin(), words.end(), words.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return words.find("no such model") != std::string::npos;
}

// Each model once, as it is set: "nova-3" for "nova-3-general".
std::vector<std::string> models_in(const json& reply) {
    constexpr std::string_view kUsual = "-general";
    std::vector<std::string> names;
    for (const json& one : items_of(member(reply, "stt"))) {
        std::string name = text_of(member(one, "canonical_name"));
        if (name.ends_with(kUsual)) {
            name.erase(name.size() - kUsual.size());
        }
        const bool known = std::find(names.begin(), names.end(), name) != names.end();
        if (!name.empty() && !known && names.size() < kMaxListed) {
            names.push_back(std::move(name));
        }
    }
    return names;
}

Task<void> suggest_models(const Run& run, const Target& target, const std::string& model,
                          Finding& finding) {
    Question question("GET", "/models");
    const Reply reply = co_await ask(run, target, std::move(question));
    if (!reply.success()) {
        co_return;
    }
    const std::vector<std::string> all = models_in(reply.json);
    const std::vector<std::string> near = near_names(model, all);
    if (std::find(all.begin(), all.end(), model) != all.end()) {
        finding.cure += "; the model is there, for other languages";
    } else if (!near.empty()) {
        finding.cure += "; near it: " + listed(near);
    }
}

} // namespace

Task<void> check_deepgram(const Settings& settings, Run& run, Finding& finding) {
    const Target target = deepgram_target(settings);
    finding.resource = "model " + settings.deepgram.model;
    Question question = silence_question(settings);
    const Reply reply = co_await ask(run, target, std::move(question));
    if (judge(reply, run, target, finding)) {
        finding.there = true;
    } else if (lacks_the_model(reply)) {
        finding.authorised = true;
        finding.there = false;
        fail(finding, Trouble::missing, target.label + " has no " + target.missing,
             target.missing_cure);
        co_await suggest_models(run, target, settings.deepgram.model, finding);
    }
}

} // namespace mr::checkup

// ElevenLabs: the voice is looked up as the worker does it, then the model, then what is left of
// the plan's characters. None of it speaks, so none of it costs. Keys may be without the rights to
// the last two and speak all the same: then they are not known, which is said.
#include "worker/checks/verdict.h"
#include "worker/encoding.h"
#include "worker/providers/remote_json.h"
#include "worker/voice/elevenlabs/default_voices.h"
#include "worker/voice/elevenlabs/requests.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace mr::checkup {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxListed = 2'000;
constexpr std::size_t kSomeNames = 3;
constexpr std::int64_t kLittlePart = 10; // of the allowance: less than a tenth of it is said

Target elevenlabs_target(const Settings& settings) {
    Target target = target_of(settings, settings.elevenlabs, "ElevenLabs", "elevenlabs");
    target.headers.push_back("xi-api-key: " + settings.elevenlabs.api_key);
    target.missing = "voice " + settings.elevenlabs.voice;
    target.key_cure = "put a valid key in elevenlabs_api_key, its file or ELEVENLABS_API_KEY";
    target.permission_cure = "give the key the rights to text to speech and to voices (read), or "
                             "set elevenlabs_voice to the id of a voice";
    target.missing_cure = "set elevenlabs_voice to a voice of this account, by name or id";
    target.quota_cure = "raise the plan or its limits in the account's billing, or use another key";
    target.region_cure = "correct elevenlabs_base_url: regions have their own hosts";
    return target;
}

bool lacks_the_right(const Reply& reply) {
    return !reply.error && reply.head.status / 100 == 4 &&
           error_words(reply.json, "").has("missing_permissions");
}

std::vector<std::string> texts_in(const json& items, const char* name) {
    std::vector<std::string> texts;
    for (const json& item : items_of(items)) {
        std::string text = text_of(member(item, name));
        if (!text.empty() && texts.size() < kMaxListed) {
            texts.push_back(std::move(text));
        }
    }
    return texts;
}

// Those that are like the one that is not there, else some of what there is.
std::string instead_of(const std::string& wanted, std::vector<std::string> all) {
    const std::vector<std::string> near = near_names(wanted, all);
    if (!near.empty()) {
        return "; near it: " + listed(near);
    }
    const std::size_t count = all.size();
    all.resize(std::min(count, kSomeNames));
    for (std::string& name : all) {
        name = shown(name, "");
    }
    return count == 0 ? "" : "; there are " + std::to_string(count) + ", such as " + listed(all);
}

// "rachel" of "Rachel - calm": what a setting says.
std::string short_name(const std::string& name) {
    return voice::elevenlabs::lower_case(name.substr(0, name.find_first_of(" -,")));
}

Task<void> suggest_voices(const Run& run, const Target& target, const std::string& wanted,
                          Finding& finding) {
    Question question("GET", "/v2/voices?page_size=100");
    const Reply reply = co_await ask(run, target, std::move(question));
    if (!reply.success()) {
        co_return;
    }
    std::vector<std::string> names = texts_in(member(reply.json, "voices"), "name");
    std::transform(names.begin(), names.end(), names.begin(), short_name);
    finding.cure += instead_of(voice::elevenlabs::lower_case(wanted), std::move(names));
}

// Not in the account's list: whether it is one that every account has.
Task<bool> check_default(const Run& run, const Target& target, const std::string& voice,
                         Finding& finding) {
    const std::string id(voice::elevenlabs::default_voice(voice));
    if (id.empty()) {
        co_return false;
    }
    Question question("GET", "/v1/voices/" + id);
    const Reply reply = co_await ask(run, target, std::move(question));
    if (!reply.success() && !lacks_the_right(reply)) {
        co_return false;
    }
    finding.authorised = true;
    finding.there = reply.success() ? std::optional(true) : std::nullopt;
    fail(finding, Trouble::none, "", "");
    finding.notes.push_back("voice " + voice + " is taken as ElevenLabs' own (" + id +
                            "), which end on 2026-12-31: have one of the account");
    co_return true;
}

// True: it is there, or the key alone keeps us from knowing.
Task<bool> check_voice(const Run& run, const Target& target, const std::string& voice,
                       Finding& finding) {
    const bool by_id = voice::elevenlabs::is_voice_id(voice);
    Question question("GET", by_id ? "/v1/voices/" + voice
                                   : "/v2/voices?page_size=100&search=" + percent_encoded(voice));
    const Reply reply = co_await ask(run, target, std::move(question));
    if (!judge(reply, run, target, finding)) {
        if (by_id && lacks_the_right(reply)) {
            finding.authorised = true;
            fail(finding, Trouble::none, "", "");
            finding.notes.emplace_back("the key may not look at voices: whether this one is there "
                                       "is not known");
            co_return true;
        }
        if (lacks_the_right(reply)) {
            const bool usual = co_await check_default(run, target, voice, finding);
            co_return usual;
        }
        if (finding.trouble == Trouble::missing) {
            co_await suggest_voices(run, target, voice, finding);
        }
        co_return false;
    }
    finding.there = by_id || voice::elevenlabs::voice_in(reply.json, voice).has_value();
    if (!*finding.there) {
        const bool usual = co_await check_default(run, target, voice, finding);
        if (usual) {
            co_return true;
        }
        fail(finding, Trouble::missing, target.label + " has no " + target.missing + " for us",
             target.missing_cure);
        co_await suggest_voices(run, target, voice, finding);
    }
    co_return *finding.there;
}

const json* model_in(const json& models, const std::string& id) {
    const json& items = items_of(models);
    const auto found = std::find_if(items.begin(), items.end(), [&](const json& one) {
        return text_of(member(one, "model_id")) == id;
    });
    return found == items.end() ? nullptr : &*found;
}

Task<bool> check_model(const Run& run, const Target& target, const std::string& model,
                       Finding& finding) {
    Question question("GET", "/v1/models");
    const Reply reply = co_await ask(run, target, std::move(question));
    if (lacks_the_right(reply)) {
        finding.notes.emplace_back("the key may not list models: whether " + model +
                                   " is there is not known");
        co_return true;
    }
    if (!judge(reply, run, target, finding)) {
        co_return false;
    }
    const json* found = model_in(reply.json, model);
    const json& speaks = found ? member(*found, "can_do_text_to_speech") : json();
    if (found != nullptr && !(speaks.is_boolean() && !speaks.get<bool>())) {
        co_return true;
    }
    finding.there = false;
    fail(finding, Trouble::missing,
         found ? "model " + model + " does not speak" : target.label + " has no model " + model,
         "correct elevenlabs_model" + instead_of(model, texts_in(reply.json, "model_id")));
    co_return false;
}

std::string date_of(std::int64_t seconds) {
    const std::time_t at = seconds;
    std::tm parts{};
    char text[32];
    const bool said = at > 0 && gmtime_r(&at, &parts) != nullptr &&
                      std::strftime(text, sizeof text, "%Y-%m-%d", &parts) > 0;
    return said ? text : "its next renewal";
}

bool is_true(const json& object, const char* name) {
    const json& value = member(object, name);
    return value.is_boolean() && value.get<bool>();
}

void judge_allowance(const json& plan, const Target& target, Finding& finding) {
    const std::int64_t limit = count_of(member(plan, "character_limit"));
    const std::int64_t left = limit - count_of(member(plan, "character_count"));
    const bool beyond = is_true(plan, "can_extend_character_limit") &&
                        is_true(plan, "allowed_to_extend_character_limit");
    if (limit <= 0 || beyond || left > limit / kLittlePart) {
        return;
    }
    const std::string until = date_of(count_of(member(plan, "next_character_count_reset_unix")));
    if (left > 0) {
        finding.notes.push_back(std::to_string(left) + " of " + std::to_string(limit) +
                                " characters are left until " + until);
    } else {
        fail(finding, Trouble::quota,
             target.label + "'s quota is used up (" + std::to_string(limit) + " characters)",
             "wait until " + until + ", or " + target.quota_cure);
    }
}

} // namespace

Task<void> check_elevenlabs(const Settings& settings, Run& run, Finding& finding) {
    const Target target = elevenlabs_target(settings);
    const ElevenLabsSettings& from = settings.elevenlabs;
    finding.resource = "voice " + from.voice + ", model " + from.model;
    const bool voice = co_await check_voice(run, target, from.voice, finding);
    if (!voice) {
        co_return;
    }
    const bool model = co_await check_model(run, target, from.model, finding);
    if (!model) {
        co_return;
    }
    Question question("GET", "/v1/user/subscription");
    const Reply reply = co_await ask(run, target, std::move(question));
    if (lacks_the_right(reply)) {
        finding.notes.emplace_back("the key may not read its plan: what is left is not known");
    } else if (judge(reply, run, target, finding)) {
        judge_allowance(reply.json, target, finding);
    }
}

} // namespace mr::checkup

#include "tests/emulator/elevenlabs_account.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace mr::emulator {
namespace {

using nlohmann::json;

struct Voice {
    const char* id;
    const char* name;
    const char* category;
};

constexpr std::array kVoices{
    Voice{"21m00Tcm4TlvDq8ikWAM", "Rachel - calm", "premade"},
    Voice{"EXAVITQu4vr4xnSDxMaL", "Sarah - Mature, Reassuring, Confident", "premade"},
    Voice{"emulatedvoice0000001", "Site Office", "cloned"},
};

std::string lower_case(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

json json_of(const Voice& voice) {
    return {{"voice_id", voice.id},
            {"name", voice.name},
            {"category", voice.category},
            {"labels", json::object()}};
}

} // namespace

bool elevenlabs_has_voice(const std::string& id) {
    return elevenlabs_voice(id).has_value();
}

json elevenlabs_voices(const std::string& search) {
    json list = json::array();
    for (const Voice& one : kVoices) {
        if (lower_case(one.name).find(lower_case(search)) != std::string::npos) {
            list.push_back(json_of(one));
        }
    }
    const std::size_t count = list.size();
    return {{"voices", std::move(list)},
            {"has_more", false},
            {"total_count", count},
            {"next_page_token", nullptr}};
}

std::optional<json> elevenlabs_voice(const std::string& id) {
    const auto* found =
        std::ranges::find_if(kVoices, [&](const Voice& one) { return one.id == id; });
    return found == kVoices.end() ? std::nullopt : std::optional(json_of(*found));
}

json elevenlabs_models(const std::vector<std::string>& ids) {
    json list = json::array();
    for (const std::string& id : ids) {
        const json language{{"language_id", "en"}, {"name", "English"}};
        list.push_back({{"model_id", id},
                        {"name", id},
                        {"can_do_text_to_speech", true},
                        {"can_do_voice_conversion", false},
                        {"languages", json::array({language})}});
    }
    return list;
}

json elevenlabs_subscription() {
    json plan{{"tier", "creator"},
              {"character_count", 10'000},
              {"character_limit", 100'000},
              {"max_credit_limit_extension", 0},
              {"next_character_count_reset_unix", 1'798'761'600}, // 2027-01-01
              {"voice_slots_used", 1},
              {"voice_limit", 30},
              {"professional_voice_slots_used", 0},
              {"professional_voice_slots_used_in_workspace", 0},
              {"professional_voice_limit", 1},
              {"voice_add_edit_counter", 0},
              {"current_overage", {{"amount", "0"}, {"currency", "usd"}}},
              {"open_invoices", json::array()},
              {"has_open_invoices", false},
              {"status", "active"}};
    for (const char* may : {"can_extend_character_limit", "allowed_to_extend_character_limit",
                            "can_extend_voice_limit", "can_use_instant_voice_cloning",
                            "can_use_professional_voice_cloning"}) {
        plan[may] = false;
    }
    return plan;
}

} // namespace mr::emulator

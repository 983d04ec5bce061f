#include "tests/emulator/script.h"

#include <algorithm>
#include <stdexcept>

namespace mr::emulator {
namespace {

using nlohmann::json;

bool contains(const std::string& text, const json& part) {
    return text.find(part.get_ref<const std::string&>()) != std::string::npos;
}

bool fits(const Behaviour& how, const Request& request, const std::string& path) {
    for (const auto& [name, wanted] : how.when.items()) {
        if (name == "path" ? !contains(path, wanted) : !contains(request.body, wanted)) {
            return false;
        }
    }
    return true;
}

Behaviour behaviour(const json& from) {
    Behaviour how = parse_behaviour(from);
    if (!how.when.is_object()) {
        throw std::invalid_argument("\"when\" is not an object");
    }
    for (const auto& [name, value] : how.when.items()) {
        if ((name != "path" && name != "body") || !value.is_string()) {
            throw std::invalid_argument("\"when\" takes the texts \"path\" and \"body\", not " +
                                        name);
        }
    }
    return how;
}

template <class List> void read_list(const json& from, List& list) {
    list.clear();
    if (!from.is_array() || from.size() > kMaxQueued) {
        throw std::invalid_argument("not a list, or one of more than " +
                                    std::to_string(kMaxQueued));
    }
    for (const json& one : from) {
        list.push_back(behaviour(one));
    }
}

} // namespace

Script::Script() : parts_(first_parts()) {}

std::map<std::string, Script::Part> Script::first_parts() {
    std::map<std::string, Part> parts;
    for (const char* name :
         {"openai", "anthropic", "gemini", "vertex", "google", "metadata", "bigquery", "search",
          "hubspot", "entra", "powerbi", "deepgram", "elevenlabs"}) {
        parts[name].keys = {"emulated-key"};
        parts[name].models = {"emulated-1"};
    }
    parts["deepgram"].models = {"nova-3", "nova-2"};
    parts["elevenlabs"].models = {"eleven_flash_v2_5", "eleven_multilingual_v2"};
    parts["entra"].keys = {"emulated-client:emulated-secret"};
    return parts;
}

void Script::reset() {
    parts_ = first_parts();
}

void Script::configure(const json& from) {
    if (!from.is_object()) {
        throw std::invalid_argument("a script is an object of providers");
    }
    std::map<std::string, Part> parts = parts_;
    for (const auto& [name, settings] : from.items()) {
        const auto found = parts.find(name);
        if (found == parts.end()) {
            throw std::invalid_argument("there is no provider \"" + name + "\"");
        }
        Part& part = found->second;
        for (const auto& [what, value] : settings.items()) {
            if (what == "default") {
                part.otherwise = behaviour(value);
            } else if (what == "queue") {
                read_list(value, part.queue);
            } else if (what == "rules") {
                read_list(value, part.rules);
            } else if (what == "keys" || what == "models") {
                (what == "keys" ? part.keys : part.models) = value.get<std::vector<std::string>>();
            } else {
                throw std::invalid_argument("a provider has no \"" + what + "\"");
            }
        }
    }
    parts_ = std::move(parts);
}

Behaviour Script::take(const std::string& provider, const Request& request,
                       const std::string& path) {
    Part& part = parts_[provider];
    const auto fit = [&](const Behaviour& how) { return fits(how, request, path); };
    const auto next = std::ranges::find_if(part.queue, fit);
    if (next != part.queue.end()) {
        Behaviour how = std::move(*next);
        part.queue.erase(next);
        return how;
    }
    const auto rule = std::ranges::find_if(part.rules, fit);
    return rule != part.rules.end() ? *rule : part.otherwise;
}

bool Script::has_key(const std::string& provider, std::string_view key) const {
    const auto& keys = parts_.at(provider).keys;
    return std::ranges::find(keys, key) != keys.end();
}

const std::vector<std::string>& Script::models(const std::string& provider) const {
    return parts_.at(provider).models;
}

std::size_t Script::queued(const std::string& provider) const {
    return parts_.at(provider).queue.size();
}

} // namespace mr::emulator

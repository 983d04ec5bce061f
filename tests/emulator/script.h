// What the tests have told the emulator to do: per provider a queue of behaviours for the next
// requests, rules that stay, a default, and the keys and models that it knows.
#pragma once

#include "tests/emulator/behaviour.h"

#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mr::emulator {

inline constexpr std::size_t kMaxQueued = 100'000; // behaviours of one provider

class Script {
  public:
    Script();
    // {"openai": {"default": {…}, "rules": […], "queue": […], "keys": […], "models": […]}}: what is
    // named is replaced, the rest stays. All or nothing; throws std::invalid_argument.
    void configure(const nlohmann::json& from);
    void reset();

    // For a request that its provider accepts: the first of the queue that it fits, else of the
    // rules, else the default.
    Behaviour take(const std::string& provider, const Request& request, const std::string& path);

    bool has_key(const std::string& provider, std::string_view key) const;
    const std::vector<std::string>& models(const std::string& provider) const;
    std::size_t queued(const std::string& provider) const;

  private:
    struct Part {
        std::deque<Behaviour> queue;
        std::vector<Behaviour> rules;
        Behaviour otherwise;
        std::vector<std::string> keys, models;
    };

    static std::map<std::string, Part> first_parts();
    std::map<std::string, Part> parts_;
};

} // namespace mr::emulator

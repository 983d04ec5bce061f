// What the checks of language models have in common.
#pragma once

#include "worker/checks/verdict.h"

namespace mr::checkup {

inline constexpr unsigned kProbeTokens = 16; // of a reply that is asked for; some take no fewer

// How a provider lists its models.
struct ModelList {
    std::string_view path;
    const char* items;     // member that holds them
    const char* name;      // of each
    std::string_view lead; // of each name, not part of it
};

// "model X" that is not there: the cure gets the names that are most like it.
Task<void> suggest_models(const Run& run, const Target& target, const std::string& model,
                          ModelList list, Finding& finding);

// What the reply about a model means: it is there, or names like it are, or something is wrong.
Task<void> judge_model(const Reply& reply, const Run& run, const Target& target,
                       const std::string& model, ModelList list, Finding& finding);

// No model of that name, or no such path: a server that lacks the call, not the model, says no
// more than a status.
bool lacks_the_call(const Reply& reply);

// A note when the model has a date of its end.
void note_end(const nlohmann::json& model, Finding& finding);

} // namespace mr::checkup

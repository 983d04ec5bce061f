#include "worker/pipeline/prompts/prompts.h"

#include <stdexcept>
#include <string>

namespace mr {

std::string_view prompt(std::string_view name) {
    for (std::size_t i = 0; i < kEmbeddedPromptCount; ++i) {
        if (kEmbeddedPrompts[i].name == name) {
            return kEmbeddedPrompts[i].text;
        }
    }
    throw std::logic_error("no prompt " + std::string(name));
}

} // namespace mr

// The texts given to language models, from the files beside this one. A file's name carries its
// version: a changed text gets a new name, so that an answer can be traced to what was asked.
#pragma once

#include <cstddef>
#include <string_view>

namespace mr {

struct EmbeddedPrompt {
    const char* name; // file name without .txt
    const char* text;
};

// In the generated source (embed.cmake).
extern const EmbeddedPrompt kEmbeddedPrompts[];
extern const std::size_t kEmbeddedPromptCount;

// Throws std::logic_error for a name that is not there.
std::string_view prompt(std::string_view name);

} // namespace mr

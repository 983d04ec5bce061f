// One line of the lexicon. See lexicon.h.
#pragma once

#include "worker/providers/local/lexicon.h"

#include <string_view>

namespace mr::local {

struct LexiconEntry {
    std::string_view words;
    Cue cue;
    std::string_view value;
};

} // namespace mr::local

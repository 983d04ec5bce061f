// What the event log says of how a turn was spoken: for a worker that has not spoken it. As good as
// what its owner knew, but for how much had been sent of a segment that is not over.
#pragma once

#include "worker/apps/heard.h"
#include "worker/apps/voice_services.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace mr {

struct PastSpeech {
    std::vector<SpokenSegment> segments; // as clients know them
    std::optional<Heard> cut;            // what clients were told when it was cut short

    // An event of the turn, in the order of the log.
    void take(const nlohmann::ordered_json& event);
};

struct PastHeard {
    Heard heard;
    bool placed = false; // heard.answer_bytes is known
};

// What was heard of `answer`: what clients were told, else up to where the client says, else (and
// then not placed: it is a guess) all that had been sent whole.
PastHeard heard_of_past(PastSpeech speech, std::string_view answer, VoiceClauses& clauses,
                        std::optional<HeardPlace> place);

} // namespace mr

#include "worker/apps/past_speech.h"

#include <algorithm>
#include <string>
#include <utility>

namespace mr {

using nlohmann::ordered_json;

namespace {

// Clauses do not depend on the pieces in which the text came: those of the whole text are the ones
// that were spoken. False: they are not.
bool place_in_answer(std::vector<SpokenSegment>& segments, std::string_view answer,
                     VoiceClauses& clauses) {
    clauses.add(answer);
    bool ended = false;
    for (SpokenSegment& segment : segments) {
        if (segment.progress) {
            continue;
        }
        std::optional<VoiceClause> clause = clauses.next();
        if (!clause && !std::exchange(ended, true)) {
            clauses.end();
            clause = clauses.next();
        }
        if (!clause || clause->caption != segment.text) {
            return false;
        }
        segment.begin = clause->begin;
        segment.end = clause->end;
    }
    return true;
}

} // namespace

void PastSpeech::take(const ordered_json& event) {
    const std::string type = event.value("type", "");
    const size_t number = event.value("segment", size_t{0});
    if (type == "tts_start" && number <= segments.size()) {
        segments.resize(number);
        SpokenSegment segment;
        segment.text = event.value("text", "");
        segment.progress = event.value("kind", "") == "progress";
        segments.push_back(std::move(segment));
    } else if (type == "tts_end" && number < segments.size()) {
        segments[number].sent_ms = event.value("duration_ms", int64_t{0});
        segments[number].complete = true;
    } else if (type == "tts_cancelled") {
        cut.emplace();
        cut->from_segment = event.value("from_segment", 0U);
        cut->text = event.value("heard_text", "");
    }
}

PastHeard heard_of_past(PastSpeech speech, std::string_view answer, VoiceClauses& clauses,
                        std::optional<HeardPlace> place) {
    PastHeard past;
    past.placed = !speech.segments.empty() && place_in_answer(speech.segments, answer, clauses);
    if (speech.cut) {
        past.heard = std::move(*speech.cut);
        past.heard.answer_bytes = answer_bytes_of(speech.segments, past.heard);
        return past;
    }
    if (!place) {
        const auto open =
            std::find_if(speech.segments.begin(), speech.segments.end(),
                         [](const SpokenSegment& segment) { return !segment.complete; });
        place.emplace();
        place->segment = static_cast<uint32_t>(open - speech.segments.begin());
        past.placed = false;
    }
    past.heard = heard_up_to(speech.segments, *place);
    return past;
}

} // namespace mr

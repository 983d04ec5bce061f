// What a microphone hears: events for the client, and one question for every utterance with words.
#include "worker/apps/client_message.h"
#include "worker/apps/voice_line.h"
#include "worker/json_text.h"
#include "worker/metrics/meters.h"

#include <utility>
#include <variant>

namespace mr {

using nlohmann::ordered_json;

void VoiceLine::microphone_heard(VoiceMicrophone& microphone,
                                 const voice::RecognitionEvent& event) {
    Line* line = line_of(microphone);
    if (line == nullptr) {
        return;
    }
    if (const auto* started = std::get_if<voice::SpeechStarted>(&event)) {
        speech_started(*line, *started);
    } else if (const auto* stopped = std::get_if<voice::SpeechStopped>(&event)) {
        speech_stopped(*line, *stopped);
    } else if (const auto* dropped = std::get_if<voice::SpeechDropped>(&event)) {
        nothing_said(*line, dropped->at);
    } else if (const auto* heard = std::get_if<voice::Transcript>(&event)) {
        transcript(*line, *heard);
    }
}

ordered_json VoiceLine::event(std::string_view type, const Line& line) const {
    ordered_json fields;
    fields["type"] = type;
    fields["stream_id"] = line.microphone->setup().stream_id;
    fields["utterance_id"] = line.utterance.id;
    return fields;
}

void VoiceLine::speech_started(Line& line, const voice::SpeechStarted& started) {
    const int64_t place = line.microphone->place_ms(started.at);
    line.utterance = Utterance();
    line.utterance.id = line.microphone->setup().stream_id + "-" + std::to_string(place);
    line.utterance.start_ms = place;
    line.utterance.begun = true;
    line.utterance.last_word = line.utterance.found = Clock::now();
    ordered_json fields = event("speech_started", line);
    fields["audio_ms"] = place;
    events_.live(fields);
    if (speaker_ && speaker_->audible() && !is_answered(line, place)) {
        speaker_->hold(); // until it is known whether there are words
    }
}

void VoiceLine::speech_stopped(Line& line, const voice::SpeechStopped& stopped) {
    line.utterance.last_word = line.microphone->arrived(stopped.at);
    line.utterance.found = Clock::now();
    ordered_json fields = event("speech_stopped", line);
    fields["audio_ms"] = line.microphone->place_ms(stopped.at);
    events_.live(fields);
}

// A cough, a door, a key held in silence.
void VoiceLine::nothing_said(Line& line, uint64_t at) {
    if (!line.utterance.begun) {
        line.utterance.start_ms = line.microphone->place_ms(at);
        line.utterance.id =
            line.microphone->setup().stream_id + "-" + std::to_string(line.utterance.start_ms);
    }
    voice::Transcript empty;
    empty.final = true;
    empty.start = empty.end = at;
    tell_final(line, empty);
    line.utterance.begun = false;
    false_alarm();
}

void VoiceLine::transcript(Line& line, const voice::Transcript& transcript) {
    if (!line.utterance.begun) {
        speech_started(line, {transcript.start});
    }
    const bool words = !is_blank(transcript.text);
    if (words && speaker_ && !is_answered(line, line.microphone->place_ms(transcript.start))) {
        interrupted(CancelBy::superseded, nullptr);
    }
    if (!transcript.final) {
        const auto now = Clock::now();
        if (now - line.utterance.partial_at >= kPartialEvery) {
            line.utterance.partial_at = now;
            events_.live(transcript_event(line, transcript), true);
        }
        return;
    }
    if (words) {
        metrics::meters().voice.final_transcript.at({}).observe(
            metrics::seconds_since(line.utterance.last_word));
    }
    tell_final(line, transcript);
    line.utterance.begun = false;
    if (!words) {
        false_alarm();
    }
}

// Sound that was sent again holds the question itself: it does not interrupt its own answer.
bool VoiceLine::is_answered(const Line& line, int64_t start_ms) const {
    return begins_before_end(speaking_.message_id, line.name, start_ms);
}

ordered_json VoiceLine::transcript_event(const Line& line,
                                         const voice::Transcript& transcript) const {
    ordered_json fields = event("transcript", line);
    fields["text"] = transcript.text;
    fields["is_final"] = transcript.final;
    fields["speech_final"] = transcript.final;
    fields["start_ms"] = line.microphone->place_ms(transcript.start);
    fields["end_ms"] = line.microphone->place_ms(transcript.end);
    if (transcript.confidence) {
        fields["confidence"] = *transcript.confidence;
    }
    return fields;
}

// One question per utterance, whoever hears it how often. Clients are told when it is safe in the
// lane: what they have read as final is asked, whoever dies.
void VoiceLine::tell_final(const Line& line, const voice::Transcript& transcript) {
    ordered_json fields = transcript_event(line, transcript);
    const bool words = !is_blank(transcript.text);
    if (!words && !ask_->busy()) {
        events_.logged(fields, true);
        return;
    }
    VoiceAsk::Utterance utterance;
    if (words) {
        utterance.stream = line.name;
        utterance.place.start_ms = line.microphone->place_ms(transcript.start);
        utterance.place.end_ms = line.microphone->place_ms(transcript.end);
        utterance.text = text_within(transcript.text, session_.relay.limits.max_message_bytes);
        utterance.traceparent = line.traceparent;
        utterance.asking = when_asked(line);
    }
    utterance.settled = [this, fields](const std::string& message_id) mutable {
        if (!message_id.empty()) {
            fields["message_id"] = message_id;
        }
        events_.logged(fields, true);
    };
    if (!ask_->post(std::move(utterance))) {
        events_.error(ErrorCode::busy, line.microphone->setup().stream_id);
        events_.logged(fields, true);
    }
}

// What is to be known when its turn begins.
VoiceAsk::Told VoiceLine::when_asked(const Line& line) {
    Question question;
    question.utterance_id = line.utterance.id;
    question.setup = line.microphone->setup();
    question.timed = true;
    question.last_word = line.utterance.last_word;
    question.found = line.utterance.found;
    question.final_at = Clock::now();
    return [this, question = std::move(question)](const std::string& message_id) mutable {
        question.message_id = message_id;
        asked_.push_back(std::move(question));
        if (asked_.size() > kMaxUtterancesOnTheWay) {
            asked_.pop_front();
        }
    };
}

} // namespace mr

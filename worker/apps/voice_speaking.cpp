// Answers that are spoken, and what cuts them short.
#include "worker/apps/event_text.h"
#include "worker/apps/voice_line.h"
#include "worker/json_text.h"
#include "worker/metrics/meters.h"

#include <algorithm>
#include <utility>

namespace mr {

using nlohmann::ordered_json;
using std::chrono::milliseconds;

// --- the turn ---------------------------------------------------------------------------------

// An answer is spoken if the microphone that asked wants it so. Of a question that another worker
// has heard nothing is known but that it was spoken: then the one that is open decides.
void VoiceLine::turn_begins(ChatTurn& turn) {
    const std::string& message_id = turn.record().message_id;
    ask_->turn_begins(message_id);
    const PastSpeech* past = turn.past_speech();
    if (stopped_ || services_ == nullptr || !services_->synthesiser || !services_->clauses ||
        !is_utterance(message_id) || past == nullptr || past->cut || turn.has_text() ||
        turn.cancelled() || (speaker_ && speaker_->answer().turn_id == turn.record().turn_id)) {
        return;
    }
    const auto found =
        std::find_if(asked_.begin(), asked_.end(), [&message_id](const Question& question) {
            return question.message_id == message_id;
        });
    Question question;
    if (found != asked_.end()) {
        question = std::move(*found);
        asked_.erase(found);
    } else if (line_) {
        question.setup = line_->microphone->setup();
        question.message_id = message_id;
    }
    if (question.setup.tts) {
        speak(std::move(question), turn);
    }
}

void VoiceLine::speak(Question question, ChatTurn& turn) {
    if (speaker_ && speaker_->audible()) {
        const Heard heard = speaker_->heard(); // one voice at a time
        speaker_->stop();
        tell_cancelled(speaker_->answer().turn_id, heard);
    }
    VoiceSpeaker::Answer answer;
    answer.turn_id = turn.record().turn_id;
    answer.stream_id = question.setup.stream_id;
    answer.traceparent = turn.record().traceparent;
    answer.voice = question.setup.voice;
    answer.speed = question.setup.speed;
    answer.binary = question.setup.binary;
    answer.told = turn.past_speech()->segments;
    speaking_ = std::move(question);
    speaker_ = std::make_shared<VoiceSpeaker>(events_, *services_, std::move(answer));
    speaker_->on_first_sound = [this] { tell_metrics(); };
    speaker_->on_quiet = [this] {
        listeners_.stop();
        const auto left = speaker_->audible() ? services_->options.speech_ahead : milliseconds(0);
        keep_awake(left + kStillHeard);
    };
    speaker_->start();
    listeners_.start(services_->options.listeners);
    turn.watch(this);
}

// The answer is written to its end, and remembered as it is: whoever comes back can read it.
void VoiceLine::nobody_listens() {
    if (!speaker_ || !speaker_->audible()) {
        return;
    }
    const Heard heard = speaker_->heard();
    speaker_->stop();
    tell_cancelled(speaker_->answer().turn_id, heard);
    keep_awake(milliseconds(0));
}

void VoiceLine::turn_text(std::string_view piece) {
    if (!speaking_.first_token) {
        speaking_.first_token = Clock::now();
    }
    speaker_->add(piece);
}

void VoiceLine::turn_doing(std::string_view message) {
    speaker_->doing(message);
}

void VoiceLine::turn_stopped() {
    if (!speaker_->stopped()) {
        const Heard heard = speaker_->heard();
        speaker_->stop();
        tell_cancelled(speaker_->answer().turn_id, heard);
    }
}

void VoiceLine::turn_over() {
    speaker_->end();
}

// --- barge-in ---------------------------------------------------------------------------------

void VoiceLine::tell_cancelled(const std::string& turn_id, const Heard& heard) {
    ordered_json fields;
    fields["type"] = "tts_cancelled";
    fields["turn_id"] = turn_id;
    fields["from_segment"] = heard.from_segment;
    fields["heard_text"] = heard.text;
    events_.logged(fields);
}

void VoiceLine::interrupted(CancelBy by, const MailItem* mail) {
    if (!speaker_->audible()) {
        return;
    }
    metrics::meters().voice.interruptions.at({by == CancelBy::user ? "client" : "words"}).add();
    const std::string turn_id = speaker_->answer().turn_id;
    const Heard heard = speaker_->heard();
    speaker_->stop();
    tell_cancelled(turn_id, heard);
    host_.interrupt_turn(turn_id, heard.answer_bytes, by, mail);
}

void VoiceLine::interrupt(const VoiceMessage& message, const MailItem& item) {
    const bool spoken =
        speaker_ && (message.turn_id.empty() || message.turn_id == speaker_->answer().turn_id);
    if (!spoken) {
        host_.interrupt_past(message, item);
        return;
    }
    if (message.played_ms) {
        HeardPlace place = speaker_->place(*message.played_ms);
        if (message.segment) {
            place.segment = *message.segment;
            place.ms = *message.played_ms;
        }
        speaker_->played(place, true);
    }
    if (speaker_->audible()) {
        interrupted(CancelBy::user, &item);
        return;
    }
    Heard heard;
    std::optional<size_t> heard_bytes;
    if (message.played_ms) {
        heard = speaker_->heard();
        heard_bytes = heard.answer_bytes;
    }
    const std::string turn_id = speaker_->answer().turn_id;
    tell_cancelled(turn_id, heard);
    host_.interrupt_turn(turn_id, heard_bytes, CancelBy::user, &item);
}

std::optional<size_t> VoiceLine::interrupted_past(const std::string& turn_id, PastSpeech speech,
                                                  std::string_view answer,
                                                  const VoiceMessage& message) {
    PastHeard past;
    if (services_ != nullptr && services_->clauses) {
        std::optional<HeardPlace> place;
        if (message.played_ms) {
            place = message.segment ? HeardPlace{*message.segment, *message.played_ms}
                                    : place_of(speech.segments, *message.played_ms);
        }
        const std::string_view spoken = text_within(answer, services_->options.max_spoken_bytes);
        const auto clauses = services_->clauses();
        past = heard_of_past(std::move(speech), spoken, *clauses, place);
    }
    tell_cancelled(turn_id, past.heard);
    return past.placed ? std::optional(past.heard.answer_bytes) : std::nullopt;
}

void VoiceLine::playback(const VoiceMessage& message) {
    if (!speaker_ || message.turn_id != speaker_->answer().turn_id) {
        return;
    }
    HeardPlace place;
    place.segment = *message.segment;
    place.ms = message.played_ms.value_or(0);
    const bool ended = message.playback == VoiceMessage::Playback::ended;
    if (ended) {
        ++place.segment;
        place.ms = 0;
    }
    speaker_->played(place, message.playback == VoiceMessage::Playback::paused);
}

void VoiceLine::false_alarm() {
    if (speaker_) {
        speaker_->go_on();
    }
}

// --- metrics ----------------------------------------------------------------------------------

// Cumulative, then the differences: so that the stages add up to the millisecond.
void VoiceLine::tell_metrics() {
    if (!speaking_.timed) {
        return;
    }
    const auto since = [this](Clock::time_point time) {
        return std::max<int64_t>(
            0, std::chrono::duration_cast<milliseconds>(time - speaking_.last_word).count());
    };
    metrics::meters().voice.to_voice.at({}).observe(metrics::seconds_since(speaking_.last_word));
    const int64_t now = since(Clock::now());
    const int64_t found = std::min(now, since(speaking_.found));
    const int64_t final_at = std::clamp(since(speaking_.final_at), found, now);
    const int64_t token =
        std::clamp(since(speaking_.first_token.value_or(speaking_.final_at)), final_at, now);
    ordered_json fields;
    fields["type"] = "voice_metrics";
    fields["turn_id"] = speaker_->answer().turn_id;
    fields["utterance_id"] = speaking_.utterance_id;
    fields["endpoint_ms"] = found;
    fields["stt_final_ms"] = final_at - found;
    fields["first_token_ms"] = token - final_at;
    fields["first_audio_ms"] = now - token;
    fields["voice_to_voice_ms"] = now;
    events_.logged(fields);
}

} // namespace mr

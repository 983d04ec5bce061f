#include "worker/apps/voice_speaker.h"

#include "worker/encoding.h"
#include "worker/json_text.h"
#include "worker/log.h"
#include "worker/metrics/meters.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

namespace mr {

namespace asio = boost::asio;
using nlohmann::ordered_json;

VoiceSpeaker::VoiceSpeaker(VoiceEvents& events, const VoiceServices& services, Answer answer)
    : events_(events), services_(services), answer_(std::move(answer)),
      clauses_(services.clauses()), rate_(services.synthesiser->sample_rate()),
      segments_(std::move(answer_.told)), wake_(events.session().relay.executor),
      progress_(events.session().relay.executor),
      progress_told_(static_cast<unsigned>(segments_.size())) {}

void VoiceSpeaker::start() {
    go_on_behind();
    asio::co_spawn(
        events_.session().relay.executor, [self = shared_from_this()] { return self->run(); },
        asio::bind_cancellation_slot(cancellation_.slot(), asio::detached));
    watch_progress(services_.options.progress_after);
}

// What an earlier owner has told has been heard by now. Where he died in the middle of a segment
// clients still wait for its end.
void VoiceSpeaker::go_on_behind() {
    if (segments_.empty()) {
        return;
    }
    const Clock::time_point now = Clock::now();
    const bool open = !segments_.back().complete;
    for (SpokenSegment& segment : segments_) {
        segment.complete = true;
        clock_.sent(segment.sent_ms, now - std::chrono::milliseconds(segment.sent_ms));
    }
    if (open) {
        end_segment(false);
    }
}

void VoiceSpeaker::add(std::string_view text) {
    const size_t room = services_.options.max_spoken_bytes - taken_bytes_;
    if (stopped_ || ended_) {
        return;
    }
    if (text.size() > room) {
        text = room < 4 ? std::string_view() : text_within(text, room);
        clauses_->add(text);
        end(); // the rest is only written
        return;
    }
    taken_bytes_ += text.size();
    clauses_->add(text);
    take_clauses();
}

void VoiceSpeaker::end() {
    if (!stopped_ && !ended_) {
        ended_ = true;
        clauses_->end();
        take_clauses();
    }
}

void VoiceSpeaker::take_clauses() {
    while (std::optional<VoiceClause> clause = clauses_->next()) {
        progress_.cancel();
        waiting_.push_back({std::move(*clause), false});
    }
    say_more();
    wake_.notify();
}

// The synthesiser is kept supplied, but not with all of a long answer: what it has been given may
// have to be paid for, heard or not.
void VoiceSpeaker::say_more() {
    while (stream_ && !waiting_.empty() && saying_.size() < kMaxClausesAhead) {
        Saying next = std::move(waiting_.front());
        waiting_.pop_front();
        stream_->say(next.clause.spoken);
        ++said_;
        saying_.push_back(std::move(next));
    }
    if (stream_ && ended_ && waiting_.empty() && !std::exchange(end_told_, true)) {
        stream_->end();
    }
}

void VoiceSpeaker::hold() {
    held_ = true;
    clock_.hold(Clock::now());
}

void VoiceSpeaker::go_on() {
    held_ = false;
    clock_.go_on(Clock::now());
    wake_.notify();
}

void VoiceSpeaker::played(HeardPlace place, bool exact) {
    told_ = place;
    told_exactly_ = exact;
}

Heard VoiceSpeaker::heard() const {
    HeardPlace place = place_of(segments_, clock_.played(Clock::now()));
    const bool later = told_ && (told_->segment != place.segment ? told_->segment > place.segment
                                                                 : told_->ms > place.ms);
    if (told_ && (later || told_exactly_)) {
        place = *told_;
    }
    return heard_up_to(segments_, place);
}

void VoiceSpeaker::stop() {
    if (std::exchange(stopped_, true)) {
        return;
    }
    clock_.hold(Clock::now());
    progress_.cancel();
    wake_.notify();
    if (!done_) {
        cancellation_.emit(asio::cancellation_type::terminal);
    }
}

// --- the synthesiser --------------------------------------------------------------------------

asio::awaitable<void> VoiceSpeaker::run() {
    const auto self = shared_from_this();
    std::string why;
    try {
        co_await speak();
    } catch (const voice::VoiceError& error) {
        why = error.what();
    } catch (const boost::system::system_error& error) {
        why = stopped_ ? "" : "Speech has ended";
    } catch (const std::exception& error) {
        log::error("speaking failed", {{"turn", answer_.turn_id}, {"cause", error.what()}});
        why = "Speech has failed";
    }
    done_ = true;
    stream_.reset();
    if (!stopped_) {
        finished(why);
    }
}

asio::awaitable<void> VoiceSpeaker::speak() {
    co_await wait_for_clause();
    if (stopped_ || waiting_.empty()) {
        co_return; // nothing of the answer can be spoken
    }
    voice::SpeechOptions options;
    options.voice = answer_.voice;
    options.speed = answer_.speed;
    options.trace = answer_.traceparent;
    stream_ = co_await services_.synthesiser->open(std::move(options));
    if (stopped_) {
        co_return;
    }
    say_more();
    for (;;) {
        std::optional<voice::SpokenAudio> audio = co_await stream_->next();
        if (!audio || stopped_) {
            co_return;
        }
        co_await send(std::move(*audio));
        if (stopped_) {
            co_return;
        }
        say_more();
    }
}

// A place with the synthesiser is taken when there is something to say.
asio::awaitable<void> VoiceSpeaker::wait_for_clause() {
    while (!stopped_ && waiting_.empty() && !ended_) {
        co_await wake_.wait();
    }
}

asio::awaitable<void> VoiceSpeaker::send(voice::SpokenAudio audio) {
    if (saying_.empty() || audio.segment != first_saying_) {
        co_return; // of none that was given to it
    }
    if (!open_segment_ || end_due_) {
        begin_segment(saying_.front());
    }
    const auto piece = static_cast<size_t>(voice::to_samples(kSoundPiece.count(), rate_));
    size_t at = 0;
    while (at < audio.samples.size()) {
        const size_t count = std::min(piece - piece_.size(), audio.samples.size() - at);
        const auto from = audio.samples.begin() + static_cast<std::ptrdiff_t>(at);
        piece_.insert(piece_.end(), from, from + static_cast<std::ptrdiff_t>(count));
        at += count;
        const bool first = segments_.back().sent_ms == 0; // not a moment later than need be
        if (piece_.size() == piece || first) {
            co_await wait_room();
            if (stopped_) {
                co_return;
            }
            send_piece();
        }
    }
    if (audio.last) {
        co_await wait_room();
        if (stopped_) {
            co_return;
        }
        send_piece();
        saying_.pop_front();
        ++first_saying_;
        segments_.back().complete = true;
        end_due_ = true;
        if (ended_ && waiting_.empty() && first_saying_ == said_) {
            end_segment(true);
        } else if (!waiting_.empty() || !saying_.empty()) {
            end_segment(false);
        }
    }
}

asio::awaitable<void> VoiceSpeaker::wait_room() {
    const int64_t most = services_.options.speech_ahead.count();
    while (!stopped_) {
        const int64_t ahead = clock_.ahead(Clock::now());
        if (!held_ && ahead < most) {
            co_return;
        }
        if (held_) {
            co_await wake_.wait();
        } else {
            co_await wake_.wait_for(std::chrono::milliseconds(ahead - most + 1));
        }
    }
}

// --- events -----------------------------------------------------------------------------------

ordered_json VoiceSpeaker::event(std::string_view type) const {
    ordered_json fields;
    fields["type"] = type;
    fields["turn_id"] = answer_.turn_id;
    return fields;
}

void VoiceSpeaker::begin_segment(const Saying& saying) {
    if (end_due_) {
        end_segment(false);
    }
    ordered_json fields = event("tts_start");
    fields["stream_id"] = answer_.stream_id;
    fields["segment"] = segments_.size();
    fields["text"] = saying.clause.caption;
    fields["sample_rate"] = rate_;
    fields["encoding"] = "pcm_s16le";
    fields["transport"] = answer_.binary ? "binary" : "base64";
    if (saying.progress) {
        fields["kind"] = "progress";
    }
    events_.logged(fields);
    SpokenSegment segment;
    segment.text = saying.clause.caption;
    segment.progress = saying.progress;
    segment.begin = saying.clause.begin;
    segment.end = saying.clause.end;
    segments_.push_back(std::move(segment));
    segment_samples_ = 0;
    open_segment_ = true;
}

void VoiceSpeaker::send_piece() {
    if (piece_.empty()) {
        return;
    }
    SpokenSegment& segment = segments_.back();
    std::string bytes;
    bytes.reserve(piece_.size() * 2);
    for (const voice::Sample sample : piece_) {
        bytes += static_cast<char>(static_cast<uint16_t>(sample) & 0xFFU);
        bytes += static_cast<char>(static_cast<uint16_t>(sample) >> 8U);
    }
    bool taken = false;
    if (answer_.binary) {
        taken = events_.live_binary(as_bytes(bytes));
    } else {
        ordered_json fields = event("tts_audio");
        fields["segment"] = segments_.size() - 1;
        fields["audio"] = base64_of(as_bytes(bytes));
        taken = events_.live(fields);
    }
    if (!taken) {
        metrics::meters().voice.dropped.at({"spoken"}).add();
        log::debug("sound dropped, redis does not follow", {{"turn", answer_.turn_id}});
    }
    segment_samples_ += piece_.size();
    const int64_t sent_ms = std::max<int64_t>(1, voice::to_ms(segment_samples_, rate_));
    clock_.sent(sent_ms - segment.sent_ms, Clock::now());
    segment.sent_ms = sent_ms;
    piece_.clear();
    if (!segment.progress && !std::exchange(answered_, true) && on_first_sound) {
        on_first_sound();
    }
}

void VoiceSpeaker::end_segment(bool last) {
    SpokenSegment& segment = segments_.back();
    segment.complete = true;
    open_segment_ = end_due_ = false;
    ordered_json fields = event("tts_end");
    fields["segment"] = segments_.size() - 1;
    fields["duration_ms"] = segment.sent_ms;
    fields["last"] = last;
    events_.logged(fields);
}

void VoiceSpeaker::finished(const std::string& why) {
    progress_.cancel();
    if (!why.empty()) {
        log::warn("an answer is not spoken on", {{"turn", answer_.turn_id}, {"cause", why}});
        events_.error(ErrorCode::voice_unavailable, answer_.stream_id, why);
    }
    if (open_segment_) {
        end_segment(true);
    }
    if (on_quiet) {
        on_quiet();
    }
}

} // namespace mr

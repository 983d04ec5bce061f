// Microphones that come, go, and come back.
#include "worker/apps/voice_line.h"

#include "shared/hash.h"
#include "worker/log.h"
#include "worker/metrics/meters.h"

#include <algorithm>

namespace mr {

using nlohmann::ordered_json;

VoiceLine::VoiceLine(OwnedSession& session, const VoiceServices* services, VoiceHost& host)
    : session_(session), services_(services), host_(host),
      events_(session, [&host] { return host.quiet(); }), ask_(std::make_shared<VoiceAsk>(session)),
      listeners_(session, [this] { nobody_listens(); }),
      clients_(session, [this] { client_gone(); }), awake_(session.relay.executor) {
    ask_->on_quiet = [this] { session_.wake(); };
    ask_->running_ids = [this] { return host_.message_ids(); };
    ask_->on_refused = [this](const std::string& message_id, ErrorCode code) {
        events_.error(code, {}, {});
        log::warn("a spoken question has no room in the in lane",
                  {{"session", session_.store.session_id()}, {"message", message_id}});
    };
}

VoiceLine::~VoiceLine() {
    stop();
}

void VoiceLine::stop() {
    stopped_ = true;
    alive_.reset();
    awake_.cancel();
    listeners_.stop();
    clients_.stop();
    ask_->stop();
    if (line_) {
        line_->microphone->close();
    }
    for (const auto& line : leaving_) {
        line->microphone->close();
    }
    if (speaker_) {
        speaker_->stop();
    }
}

bool VoiceLine::busy() const {
    return !stopped_ && (line_ || !leaving_.empty() || ask_->busy() ||
                         (speaker_ && speaker_->sending()) || Clock::now() < awake_until_);
}

bool VoiceLine::can_move() const {
    const bool speaking = line_ && line_->utterance.begun &&
                          Clock::now() - line_->microphone->heard_at() < kStillSpeaking;
    // What is held back until it is known whether a speaker interrupts ends with that speaker.
    const bool spoken_to = speaker_ && speaker_->sending() && !speaker_->held();
    return busy() && !speaking && !spoken_to && leaving_.empty() && !ask_->busy();
}

void VoiceLine::keep_awake(std::chrono::milliseconds time) {
    awake_until_ = Clock::now() + time;
    awake_.expires_at(awake_until_);
    awake_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](boost::system::error_code error) {
        if (!error && !alive.expired()) {
            session_.wake();
        }
    });
}

void VoiceLine::message(VoiceMessage message, const MailItem& item) {
    if (is_late(message, item.connection)) {
        session_.consume(item);
        return;
    }
    switch (message.kind) {
    case VoiceMessage::Kind::start:
        open(std::move(message), item);
        break;
    case VoiceMessage::Kind::resume:
        resume(std::move(message), item);
        break;
    case VoiceMessage::Kind::audio:
        audio(message.audio, message.stream_id, false, item);
        break;
    case VoiceMessage::Kind::stop:
        if (release(message, item)) {
            return; // consumed when nothing of the stream can be lost any more
        }
        break;
    case VoiceMessage::Kind::playback:
        playback(message);
        break;
    case VoiceMessage::Kind::interrupt:
        interrupt(message, item); // consumes it when it is done
        return;
    }
    session_.consume(item);
}

void VoiceLine::audio_frame(ByteView pcm, const MailItem& item) {
    audio(as_text(pcm), {}, true, item);
}

// --- opening and closing ----------------------------------------------------------------------

void VoiceLine::open(VoiceMessage message, const MailItem& item) {
    lost_told_ = false;
    if (services_ == nullptr || !services_->recogniser) {
        const std::string_view why =
            services_ != nullptr ? std::string_view(services_->no_recogniser) : std::string_view();
        metrics::meters().voice.microphones.at({"no_engine"}).add();
        refused(ErrorCode::voice_unavailable, message.stream_id, why);
        return;
    }
    if (line_ && line_->microphone->setup().stream_id == message.stream_id) {
        return; // said again
    }
    retire(item.connection);
    if (message.language.empty()) {
        message.language = services_->options.language;
    }
    auto line = std::make_unique<Line>();
    line->traceparent = item.traceparent;
    line->connection = item.connection;
    line->last_mail = item.nth;
    line->resumed = message.kind == VoiceMessage::Kind::resume;
    line->name = message.stream_id.empty() ? "unasked-" + item.name() : message.stream_id;
    try {
        line->microphone =
            VoiceMicrophone::make(session_.relay.executor, *services_, *this, message);
    } catch (const voice::VoiceError& error) {
        refused(ErrorCode::bad_format, message.stream_id, error.what());
        return;
    }
    if (line->resumed) {
        ask_->resumed();
    } else {
        ask_->forget(line->name); // places are counted anew
    }
    std::erase(left_connections_, item.connection);
    line_ = std::move(line);
    clients_.start(services_->options.clients);
    const auto microphone = line_->microphone; // it may be refused at once
    microphone->open();
}

// The stream is over. What is still on its way needs no further answer.
void VoiceLine::refused(ErrorCode code, std::string_view stream_id, std::string_view why) {
    events_.error(code, stream_id, why);
    lost_told_ = true;
    refused_until_ = Clock::now() + kUnaskedRetry;
}

void VoiceLine::resume(VoiceMessage message, const MailItem& item) {
    if (line_ && line_->microphone->setup().stream_id == message.stream_id) {
        lost_told_ = false;
        move_to(item.connection);
        line_->last_mail = item.nth;
        line_->hole = false;
        line_->microphone->skip_to(message.from_ms);
        if (line_->microphone->is_open()) {
            acknowledge(*line_);
        } else {
            line_->resumed = true; // told when it is
        }
        return;
    }
    open(std::move(message), item);
}

void VoiceLine::acknowledge(const Line& line) {
    ordered_json fields;
    fields["type"] = "audio_ack";
    fields["stream_id"] = line.microphone->setup().stream_id;
    fields["received_ms"] = line.microphone->received_ms();
    events_.logged(fields);
}

// True: `item` is kept. An owner that dies before the last transcript is a question has then not
// heard the end of the stream, and the next one asks for it again.
bool VoiceLine::release(const VoiceMessage& message, const MailItem& item) {
    const bool ours = line_ && (message.stream_id.empty() ||
                                line_->microphone->setup().stream_id == message.stream_id);
    if (ours && line_->hole && !message.stream_id.empty()) {
        lost(message.stream_id); // there is more to hear before its end
        return false;
    }
    if (ours) {
        line_->ending = item;
        line_->ending->payload.clear();
        retire(line_->connection);
        return true;
    }
    const auto leaves = [&message](const std::unique_ptr<Line>& line) {
        return line->microphone->setup().stream_id == message.stream_id;
    };
    if (std::none_of(leaving_.begin(), leaving_.end(), leaves)) {
        lost(message.stream_id);
    }
    return false;
}

// Takes no more sound. Its last transcript may still come.
void VoiceLine::retire(uint64_t by) {
    if (!line_) {
        return;
    }
    move_to(by);
    if (leaving_.size() >= kMaxLeaving) {
        leaving_.front()->microphone->close();
        ended(*leaving_.front());
        leaving_.erase(leaving_.begin());
    }
    leaving_.push_back(std::move(line_));
    const auto microphone = leaving_.back()->microphone;
    microphone->release();
}

// Behind its last transcript, which may be on its way into the lane.
void VoiceLine::ended(Line& line) {
    if (!line.ending) {
        return;
    }
    VoiceAsk::Utterance nothing;
    nothing.settled = [this, item = *line.ending](const std::string&) { session_.consume(item); };
    if (!ask_->post(std::move(nothing))) {
        session_.consume(*line.ending);
    }
    line.ending.reset();
}

VoiceLine::Line* VoiceLine::line_of(const VoiceMicrophone& microphone) {
    if (line_ && line_->microphone.get() == &microphone) {
        return line_.get();
    }
    for (const auto& line : leaving_) {
        if (line->microphone.get() == &microphone) {
            return line.get();
        }
    }
    return nullptr;
}

void VoiceLine::microphone_open(VoiceMicrophone& microphone) {
    const Line* line = line_of(microphone);
    if (line == nullptr) {
        return;
    }
    const VoiceMessage& setup = microphone.setup();
    ordered_json fields;
    fields["type"] = "voice_ready";
    fields["stream_id"] = setup.stream_id;
    fields["engine"] = services_->recogniser->engine();
    fields["language"] = setup.language;
    const bool speaks = setup.tts && services_->synthesiser;
    fields["tts"] = speaks;
    if (speaks) {
        fields["tts_engine"] = services_->synthesiser->engine();
    }
    events_.logged(fields);
    if (line->resumed) {
        acknowledge(*line);
    }
}

void VoiceLine::microphone_closed(VoiceMicrophone& microphone, std::string why) {
    false_alarm();
    if (!why.empty()) {
        log::warn("a microphone is closed",
                  {{"session", session_.store.session_id()}, {"cause", why}});
        refused(ErrorCode::voice_unavailable, microphone.setup().stream_id, why);
    } else if (Line* line = line_of(microphone);
               line != nullptr && microphone.released() && line->utterance.begun) {
        nothing_said(*line, 0); // its transcript has not come in time
    }
    if (Line* line = line_of(microphone)) {
        ended(*line);
    }
    if (line_ && line_->microphone.get() == &microphone) {
        line_.reset();
    }
    std::erase_if(leaving_, [&microphone](const std::unique_ptr<Line>& line) {
        return line->microphone.get() == &microphone;
    });
    session_.wake();
}

// --- sound ------------------------------------------------------------------------------------

void VoiceLine::audio(std::string_view bytes, const std::string& stream_id, bool binary,
                      const MailItem& item) {
    if (heard_before(item) || is_left(item.connection)) {
        return;
    }
    if (!line_ && !binary && stream_id.empty() && Clock::now() < refused_until_) {
        return;
    }
    if (!line_ && !binary && stream_id.empty()) {
        VoiceMessage setup; // the original's clients say nothing of their sound
        setup.kind = VoiceMessage::Kind::start;
        open(std::move(setup), item);
        if (!line_) {
            return;
        }
    }
    if (!line_ || !takes(stream_id, binary, item.connection)) {
        lost(stream_id);
        return;
    }
    if (line_->hole && !line_->microphone->setup().stream_id.empty()) {
        lost(line_->microphone->setup().stream_id); // and what follows is sent again behind it
        return;
    }
    if (binary && !line_->microphone->setup().binary) {
        bad_audio(ErrorCode::unsupported_data, line_->microphone->setup().stream_id);
        return;
    }
    Line& line = *line_;
    const std::string& stream = line.microphone->setup().stream_id;
    switch (line.microphone->audio(as_bytes(bytes))) {
    case VoiceMicrophone::Took::taken:
        line.overrun_told = line.bad_told = false;
        break;
    case VoiceMicrophone::Took::bad_length:
        bad_audio(ErrorCode::bad_format, stream);
        break;
    case VoiceMicrophone::Took::overrun:
        metrics::meters().voice.dropped.at({"heard"}).add();
        if (!std::exchange(line.overrun_told, true)) {
            events_.error(ErrorCode::audio_overrun, stream);
        }
        break;
    }
}

// The same mail in another place of the lane, after Redis had forgotten that it was stored.
bool VoiceLine::heard_before(const MailItem& item) {
    const uint64_t name = fnv1a(item.name());
    if (std::find(heard_mail_.begin(), heard_mail_.end(), name) != heard_mail_.end()) {
        return true;
    }
    heard_mail_.push_back(name);
    if (heard_mail_.size() > kMaxHeardMail) {
        heard_mail_.pop_front();
    }
    return false;
}

// Once, until a good frame has come.
void VoiceLine::bad_audio(ErrorCode code, std::string_view stream_id) {
    bool& told = line_ ? line_->bad_told : lost_told_;
    if (!std::exchange(told, true)) {
        events_.error(code, stream_id);
    }
}

// Once, until a stream is begun or resumed.
void VoiceLine::lost(std::string_view stream_id) {
    if (!std::exchange(lost_told_, true)) {
        events_.error(services_ != nullptr ? ErrorCode::voice_lost : ErrorCode::voice_unavailable,
                      stream_id);
    }
}

} // namespace mr

// Microphones that come, go, and come back.
#include "worker/apps/voice_line.h"

#include "shared/hash.h"
#include "worker/apps/remembered_ids.h"
#include "worker/log.h"

#include <algorithm>

namespace mr {

using nlohmann::ordered_json;

VoiceLine::VoiceLine(OwnedSession& session, const VoiceServices* services, VoiceHost& host)
    : session_(session), services_(services), host_(host),
      events_(session, [&host] { return host.quiet(); }), ask_(std::make_shared<VoiceAsk>(session)),
      awake_(session.relay.executor) {
    ask_->on_quiet = [this] { session_.wake(); };
    ask_->on_refused = [this](const VoiceAsk::Question& question, ErrorCode code) {
        events_.error(code, {}, {});
        log::warn("a spoken question has no room in the in lane",
                  {{"session", session_.store.session_id()}, {"message", question.message_id}});
    };
}

VoiceLine::~VoiceLine() {
    stop();
}

void VoiceLine::stop() {
    stopped_ = true;
    alive_.reset();
    awake_.cancel();
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

bool VoiceLine::only_open() const {
    return line_ && !line_->utterance.begun && leaving_.empty() && !ask_->busy() &&
           !(speaker_ && speaker_->audible());
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
        release(message);
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
        refused(ErrorCode::voice_unavailable, message.stream_id, why);
        return;
    }
    if (line_ && line_->microphone->setup().stream_id == message.stream_id) {
        return; // said again
    }
    retire();
    if (message.language.empty()) {
        message.language = services_->options.language;
    }
    auto line = std::make_unique<Line>();
    line->traceparent = item.traceparent;
    line->resumed = message.kind == VoiceMessage::Kind::resume;
    try {
        line->microphone =
            VoiceMicrophone::make(session_.relay.executor, *services_, *this, message);
    } catch (const voice::VoiceError& error) {
        refused(ErrorCode::bad_format, message.stream_id, error.what());
        return;
    }
    if (line->resumed) {
        load_known_ids();
    }
    line_ = std::move(line);
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

void VoiceLine::release(const VoiceMessage& message) {
    const bool ours = line_ && (message.stream_id.empty() ||
                                line_->microphone->setup().stream_id == message.stream_id);
    if (ours) {
        retire();
        return;
    }
    const auto leaves = [&message](const std::unique_ptr<Line>& line) {
        return line->microphone->setup().stream_id == message.stream_id;
    };
    if (std::none_of(leaving_.begin(), leaving_.end(), leaves)) {
        lost(message.stream_id);
    }
}

// Takes no more sound. Its last transcript may still come.
void VoiceLine::retire() {
    if (!line_) {
        return;
    }
    if (leaving_.size() >= kMaxLeaving) {
        leaving_.front()->microphone->close();
        leaving_.erase(leaving_.begin());
    }
    leaving_.push_back(std::move(line_));
    const auto microphone = leaving_.back()->microphone;
    microphone->release();
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
    if (heard_before(item)) {
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
    if (!line_ || (!stream_id.empty() && line_->microphone->setup().stream_id != stream_id)) {
        lost(stream_id);
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

// Sound that is sent again may hold what has been asked already.
void VoiceLine::load_known_ids() {
    for (std::string& id : host_.message_ids()) {
        known_ids_.push_back(std::move(id));
    }
    const KeyText& key = session_.store.keys().meta;
    const std::string_view get[] = {"HGET", key.view(), kIdsField};
    session_.relay.commands->send(
        get, [this, alive = std::weak_ptr<bool>(alive_)](const redis::Answer& answer) {
            if (alive.expired() || !answer.ok()) {
                return;
            }
            for (std::string& id : RememberedIds::names_in(answer.reply->text())) {
                known_ids_.push_back(std::move(id));
            }
        });
}

} // namespace mr

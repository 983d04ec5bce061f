#include "worker/apps/tts.h"

#include "shared/audio_piece.h"
#include "shared/one_answer.h"
#include "worker/apps/http_reply.h"
#include "worker/apps/tts_request.h"
#include "worker/async.h"
#include "worker/log.h"
#include "worker/voice/mp3.h"
#include "worker/voice/speech_text/clause_cutter.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

namespace mr {

namespace asio = boost::asio;

namespace {

// A request that has been answered is not resumed; only one that is slow to hear of the end needs
// the log.
constexpr std::chrono::milliseconds kTtsLogKept{30'000};
constexpr std::chrono::milliseconds kFullRetry{20}; // while Redis takes no audio

class TtsSession final : public App {
  public:
    TtsSession(OwnedSession& session, voice::Synthesiser* synthesiser, const TtsOptions& options)
        : session_(session), synthesiser_(synthesiser), options_(options),
          credited_(session.relay.executor), ended_(session.relay.executor),
          patience_(session.relay.executor) {}

    void mail(MailItem item) override;
    bool idle() const override { return !running_; }
    asio::awaitable<void> stop() override;
    std::chrono::milliseconds log_kept(const SessionLimits& limits) const override {
        return std::min(kTtsLogKept, limits.resume_window);
    }

  private:
    // Why what is spoken is given up. The first one counts.
    enum class Stop : uint8_t {
        none,
        client_gone,
        owner_leaves, // another one begins anew
        timed_out,
    };

    void ask(MailItem item);
    void credit(const MailItem& item);
    void cancel(Stop why);
    asio::awaitable<void> run();
    asio::awaitable<void> speak();
    asio::awaitable<void> send(std::string& bytes);
    void watch();
    void end(bool spoken, const std::optional<voice::VoiceError>& fault);
    void answer();
    void refuse(const MailItem& item, ErrorCode code, std::string_view message = {});

    OwnedSession& session_;
    voice::Synthesiser* synthesiser_;
    TtsOptions options_;
    MailItem asked_; // stays in the lane until it is answered
    TtsRequest request_;
    uint64_t sent_ = 0;
    uint64_t given_ = 0; // away by the gateway, of what was sent
    asio::cancellation_signal cancellation_;
    Signal credited_;
    Signal ended_;
    asio::steady_timer patience_;
    std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true); // for timers
    bool running_ = false;
    Stop stop_ = Stop::none;
};

void TtsSession::mail(MailItem item) {
    switch (item.kind) {
    case MailKind::http:
        ask(std::move(item));
        return;
    case MailKind::credit:
        credit(item);
        break;
    case MailKind::abandon:
    case MailKind::detach: // nobody is left
        cancel(Stop::client_gone);
        break;
    case MailKind::text:
    case MailKind::binary:
    case MailKind::attach:
    case MailKind::batch:
        break;
    }
    session_.consume(item);
}

void TtsSession::ask(MailItem item) {
    if (running_) {
        return refuse(item, ErrorCode::busy);
    }
    if (session_.claim.status == ClaimStatus::poisoned) {
        return refuse(item, ErrorCode::attempts_exhausted);
    }
    auto parsed = parse_tts_request(item.payload, options_.max_text_bytes);
    if (const auto* code = std::get_if<ErrorCode>(&parsed)) {
        return refuse(item, *code);
    }
    if (synthesiser_ == nullptr) {
        return refuse(item, ErrorCode::voice_unavailable);
    }
    request_ = std::move(std::get<TtsRequest>(parsed));
    item.payload.clear();
    item.payload.shrink_to_fit();
    asked_ = std::move(item);
    sent_ = given_ = 0;
    stop_ = Stop::none;
    running_ = true;
    asio::co_spawn(session_.relay.executor, run(),
                   asio::bind_cancellation_slot(cancellation_.slot(), asio::detached));
}

void TtsSession::credit(const MailItem& item) {
    const auto given = decode_audio_length(as_bytes(item.payload));
    if (running_ && given && item.connection == asked_.connection) {
        given_ = std::max(given_, std::min(*given, sent_));
        credited_.notify();
    }
}

void TtsSession::cancel(Stop why) {
    if (running_ && stop_ == Stop::none) {
        stop_ = why;
        cancellation_.emit(asio::cancellation_type::terminal);
    }
}

// The App outlives it: stop() waits for its end, and the session is not given up before.
asio::awaitable<void> TtsSession::run() {
    bool spoken = false;
    std::optional<voice::VoiceError> fault;
    watch();
    try {
        co_await speak();
        spoken = true;
    } catch (const voice::VoiceError& error) {
        fault = error;
    } catch (const std::exception& error) {
        if (stop_ == Stop::none) {
            log::error("speech failed",
                       {{"session", session_.store.session_id()}, {"cause", error.what()}});
        }
    }
    patience_.cancel();
    end(spoken, fault);
    running_ = false;
    ended_.notify();
    session_.wake();
}

asio::awaitable<void> TtsSession::speak() {
    voice::SpeechOptions options;
    options.voice = request_.voice;
    options.trace = asked_.traceparent;
    const std::unique_ptr<voice::SpeechStream> stream =
        co_await synthesiser_->open(std::move(options));
    for (std::string& clause : voice::spoken_clauses(request_.text)) {
        stream->say(std::move(clause));
    }
    stream->end();
    voice::Mp3Encoder encoder(synthesiser_->sample_rate());
    std::string bytes;
    for (;;) {
        const std::optional<voice::SpokenAudio> audio = co_await stream->next();
        if (!audio) {
            break;
        }
        watch();
        encoder.encode(audio->samples, bytes);
        co_await send(bytes);
    }
    encoder.finish(bytes);
    co_await send(bytes);
}

// All of it, at most kAudioWindowBytes ahead of what the client has taken.
asio::awaitable<void> TtsSession::send(std::string& bytes) {
    std::string_view rest = bytes;
    while (!rest.empty()) {
        const uint64_t room = given_ + kAudioWindowBytes - sent_;
        if (room == 0) {
            co_await credited_.wait();
            watch();
            continue;
        }
        const std::string_view part = rest.substr(0, std::min<uint64_t>(room, kMaxAudioPieceBytes));
        Buffer piece;
        if (!encode_audio_piece(piece, {asked_.connection, sent_, as_bytes(part)})) {
            throw std::bad_alloc();
        }
        if (!session_.lane->live(kEventBinary | kEventV2Only, piece.view())) {
            co_await sleep_for(kFullRetry);
            continue;
        }
        sent_ += part.size();
        rest.remove_prefix(part.size());
    }
    bytes.clear();
}

// Something has happened; the next thing has to within `patience`.
void TtsSession::watch() {
    patience_.expires_after(options_.patience);
    const std::weak_ptr<const bool> alive = alive_;
    patience_.async_wait([this, alive](boost::system::error_code error) {
        if (!error && !alive.expired()) {
            cancel(Stop::timed_out);
        }
    });
}

void TtsSession::end(bool spoken, const std::optional<voice::VoiceError>& fault) {
    if (stop_ == Stop::owner_leaves) {
        return; // the text is still in the lane
    }
    if (stop_ == Stop::client_gone) {
        session_.consume(asked_);
    } else if (spoken) {
        answer();
    } else if (fault && fault->fault() == voice::VoiceFault::bad_input) {
        refuse(asked_, ErrorCode::bad_request, fault->what());
    } else if (fault || stop_ == Stop::timed_out) {
        refuse(asked_, ErrorCode::voice_unavailable, fault ? fault->what() : "");
    } else {
        refuse(asked_, ErrorCode::internal);
    }
}

void TtsSession::answer() {
    Buffer length;
    Buffer answer;
    if (!encode_audio_length(length, sent_) ||
        !encode_one_answer(answer, {asked_.connection, 200, 0, length.view()})) {
        throw std::bad_alloc();
    }
    session_.lane->add(kEventAnswer | kEventV2Only | kEventTerminal, answer.view());
    session_.consume(asked_);
}

void TtsSession::refuse(const MailItem& item, ErrorCode code, std::string_view message) {
    reply_with_error(*session_.lane, {item.connection}, code, message,
                     trace_id_of(item.traceparent), kEventTerminal);
    session_.consume(item);
}

asio::awaitable<void> TtsSession::stop() {
    cancel(Stop::owner_leaves);
    while (running_) {
        co_await ended_.wait();
    }
}

} // namespace

AppFactory tts_app(voice::Synthesiser* synthesiser, TtsOptions options) {
    return [synthesiser, options](OwnedSession& session) {
        return std::make_unique<TtsSession>(session, synthesiser, options);
    };
}

} // namespace mr

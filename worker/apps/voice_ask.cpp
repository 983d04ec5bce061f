#include "worker/apps/voice_ask.h"

#include "shared/hash.h"
#include "shared/scripts.h"
#include "worker/apps/event_text.h"
#include "worker/async.h"
#include "worker/log.h"
#include "worker/redis/scripts.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <charconv>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace mr {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kRetry{50};
constexpr std::string_view kPrefix = "voice-";

std::string stream_prefix(std::string_view stream_id) {
    return std::string(kPrefix) + std::to_string(fnv1a(stream_id)) + "-";
}

std::optional<UtterancePlace> place_in(std::string_view message_id, std::string_view prefix) {
    if (!message_id.starts_with(prefix)) {
        return std::nullopt;
    }
    UtterancePlace place;
    const char* const end = message_id.data() + message_id.size();
    const auto start = std::from_chars(message_id.data() + prefix.size(), end, place.start_ms);
    if (start.ec != std::errc() || start.ptr == end || *start.ptr != '-') {
        return std::nullopt;
    }
    const auto last = std::from_chars(start.ptr + 1, end, place.end_ms);
    return last.ec == std::errc() && last.ptr == end ? std::optional(place) : std::nullopt;
}

redis::ScriptCall mail_call(const OwnedSession& session, std::string_view bytes,
                            std::string_view traceparent) {
    const SessionKeys& keys = session.store.keys();
    const Relay& relay = session.relay;
    redis::ScriptCall call(kMailScript);
    call.add(keys.meta.view()).add(keys.in_lane.view()).add(keys.leases.view());
    call.add(keys.jobs.view()).add(keys.in_channel.view());
    call.add(session.store.session_id()).add(session.bell.app).add(bytes).add(traceparent);
    call.add(uint64_t{kVoiceLaneEntries}).add(uint64_t{kVoiceLaneBytes}).add(uint64_t{UINT32_MAX});
    call.add(static_cast<uint64_t>(relay.limits.session_ttl.count()));
    // Of no connection: those that Redis remembers are the gateways'.
    call.add("-").add("0").add("0").add(session.claim.subject);
    return call;
}

} // namespace

std::string utterance_message_id(std::string_view stream_id, UtterancePlace place) {
    return stream_prefix(stream_id) + std::to_string(place.start_ms) + "-" +
           std::to_string(place.end_ms);
}

bool is_utterance(std::string_view message_id) {
    return message_id.starts_with(kPrefix);
}

std::string same_utterance(std::string_view stream_id, UtterancePlace place,
                           const std::vector<std::string>& known) {
    const std::string prefix = stream_prefix(stream_id);
    for (const std::string& message_id : known) {
        const auto other = place_in(message_id, prefix);
        if (!other) {
            continue;
        }
        const int64_t common =
            std::min(place.end_ms, other->end_ms) - std::max(place.start_ms, other->start_ms);
        const int64_t shorter =
            std::min(place.end_ms - place.start_ms, other->end_ms - other->start_ms);
        if (common > 0 && common * 2 >= shorter) {
            return message_id;
        }
    }
    return {};
}

VoiceAsk::VoiceAsk(OwnedSession& session) : session_(&session) {}

bool VoiceAsk::post(Question question) {
    if (questions_.size() >= kMaxUtterancesOnTheWay) {
        return false;
    }
    questions_.push_back(std::move(question));
    if (!std::exchange(running_, true)) {
        asio::co_spawn(
            session_->relay.executor, [self = shared_from_this()] { return self->run(); },
            asio::detached);
    }
    return true;
}

asio::awaitable<void> VoiceAsk::run() {
    const auto self = shared_from_this();
    while (!questions_.empty() && !stopped_) {
        Question question = std::move(questions_.front());
        questions_.pop_front();
        co_await send(std::move(question));
    }
    running_ = false;
    if (!stopped_ && on_quiet) {
        on_quiet();
    }
}

// As often as it takes while the session is ours: the message_id makes one question of it.
asio::awaitable<void> VoiceAsk::send(Question question) {
    nlohmann::ordered_json json;
    json["type"] = "ask";
    json["message"] = question.text;
    json["message_id"] = question.message_id;
    const std::string text = to_text(json);
    Mail mail;
    mail.flags = kMailV2;
    mail.connection = ~session_->claim.epoch; // no gateway's
    mail.number = ++mails_;
    mail.traceparent = question.traceparent;
    mail.payload = as_bytes(text);
    Buffer bytes;
    if (!encode_mail(bytes, mail)) {
        throw std::bad_alloc();
    }
    while (!stopped_ && session_->store.alive()) {
        redis::Value reply;
        bool answered = false;
        try {
            redis::ScriptCall call = mail_call(*session_, bytes.text(), mail.traceparent);
            reply = co_await redis::run_script(*session_->relay.commands, std::move(call));
            answered = !reply.is_error();
        } catch (const redis::Error&) {
            answered = false;
        }
        if (stopped_) {
            co_return;
        }
        if (!answered) {
            co_await sleep_for(kRetry);
            continue;
        }
        const auto status = static_cast<MailStatus>(reply.at(0).integer);
        if (status != MailStatus::owned && status != MailStatus::rung && on_refused) {
            on_refused(question, ErrorCode::busy);
        }
        co_return;
    }
}

} // namespace mr

#include "worker/apps/voice_ask.h"

#include "shared/hash.h"
#include "shared/scripts.h"
#include "worker/apps/remembered_ids.h"
#include "worker/async.h"
#include "worker/json_text.h"
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

std::string stream_prefix(std::string_view stream) {
    return std::string(kPrefix) + std::to_string(fnv1a(stream)) + "-";
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
    // Of no connection: those that Redis remembers are the gateways'. Not stored once another owner
    // has claimed the session: he is sent the sound again, and may hear it a little differently.
    call.add("-").add("0").add("0").add(session.claim.subject).add(session.claim.epoch);
    return call;
}

} // namespace

std::string utterance_message_id(std::string_view stream, UtterancePlace place) {
    return stream_prefix(stream) + std::to_string(place.start_ms) + "-" +
           std::to_string(place.end_ms);
}

bool is_utterance(std::string_view message_id) {
    return message_id.starts_with(kPrefix);
}

bool is_of_stream(std::string_view message_id, std::string_view stream) {
    return message_id.starts_with(stream_prefix(stream));
}

bool begins_before_end(std::string_view message_id, std::string_view stream, int64_t start_ms) {
    const auto place = place_in(message_id, stream_prefix(stream));
    return place && start_ms < place->end_ms;
}

std::string same_utterance(std::string_view stream, UtterancePlace place,
                           const std::vector<std::string>& known) {
    const std::string prefix = stream_prefix(stream);
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

bool VoiceAsk::post(Utterance utterance) {
    if (utterances_.size() >= kMaxUtterancesOnTheWay) {
        return false;
    }
    utterances_.push_back(std::move(utterance));
    if (!std::exchange(running_, true)) {
        asio::co_spawn(
            session_->relay.executor, [self = shared_from_this()] { return self->run(); },
            asio::detached);
    }
    return true;
}

void VoiceAsk::forget(std::string_view stream) {
    std::erase_if(known_, [stream](const std::string& id) { return is_of_stream(id, stream); });
}

void VoiceAsk::remember(const std::string& message_id) {
    known_.push_back(message_id);
    if (known_.size() > kMaxKnownIds) {
        known_.erase(known_.begin());
    }
}

void VoiceAsk::settle(const std::string& message_id) {
    storing_.clear();
    if (const Told settled = std::exchange(settled_, nullptr)) {
        settled(message_id);
    }
}

void VoiceAsk::turn_begins(const std::string& message_id) {
    if (!stopped_ && !storing_.empty() && storing_ == message_id) {
        settle(message_id);
    }
}

asio::awaitable<void> VoiceAsk::run() {
    const auto self = shared_from_this();
    while (!utterances_.empty() && !stopped_) {
        Utterance utterance = std::move(utterances_.front());
        utterances_.pop_front();
        settled_ = std::move(utterance.settled);
        std::string message_id;
        if (!utterance.text.empty()) {
            message_id = co_await ask(std::move(utterance));
        }
        if (!going_on()) {
            break; // the next owner tells what he knows
        }
        settle(message_id);
    }
    running_ = false;
    if (!stopped_ && on_quiet) {
        on_quiet();
    }
}

// Behind everything an earlier owner has put into the lane: that was read before the sound came.
asio::awaitable<void> VoiceAsk::load_known() {
    if (known_loaded_ || !going_on()) {
        co_return;
    }
    const auto ids = co_await RememberedIds::message_ids(
        session_->relay, session_->store.keys().meta, [this] { return going_on(); });
    if (!ids) {
        co_return;
    }
    known_loaded_ = true;
    for (const std::string& id : *ids) {
        remember(id);
    }
}

std::string VoiceAsk::asked_before(const Utterance& utterance) const {
    std::string before = same_utterance(utterance.stream, utterance.place, known_);
    if (before.empty() && running_ids) {
        before = same_utterance(utterance.stream, utterance.place, running_ids());
    }
    return before;
}

// The message_id under which it is asked, by whom ever; empty: it is not.
asio::awaitable<std::string> VoiceAsk::ask(Utterance utterance) {
    co_await load_known();
    if (!going_on()) {
        co_return std::string();
    }
    std::string before = asked_before(utterance);
    if (!before.empty()) {
        co_return before;
    }
    std::string message_id = utterance_message_id(utterance.stream, utterance.place);
    if (utterance.asking) {
        utterance.asking(message_id);
    }
    storing_ = message_id;
    const bool stored = co_await store(message_id, std::move(utterance));
    if (!stored) {
        co_return std::string();
    }
    remember(message_id);
    co_return message_id;
}

// As often as it takes while the session is ours: the message_id makes one question of it.
asio::awaitable<bool> VoiceAsk::store(std::string message_id, Utterance utterance) {
    nlohmann::ordered_json json;
    json["type"] = "ask";
    json["message"] = utterance.text;
    json["message_id"] = message_id;
    const std::string text = to_text(json);
    Mail mail;
    mail.flags = kMailV2;
    mail.connection = ~session_->claim.epoch; // no gateway's
    mail.number = ++mails_;
    mail.traceparent = utterance.traceparent;
    mail.payload = as_bytes(text);
    Buffer bytes;
    if (!encode_mail(bytes, mail)) {
        throw std::bad_alloc();
    }
    while (going_on() && !storing_.empty()) {
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
            co_return false;
        }
        if (storing_.empty()) {
            co_return true; // its turn has begun
        }
        if (!answered) {
            co_await sleep_for(kRetry);
            continue;
        }
        const auto status = static_cast<MailStatus>(reply.at(0).integer);
        if (status == MailStatus::owned || status == MailStatus::rung) {
            co_return true;
        }
        if (status != MailStatus::fenced && on_refused) {
            on_refused(message_id, ErrorCode::busy);
        }
        co_return false;
    }
    co_return storing_.empty();
}

} // namespace mr

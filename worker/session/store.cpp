#include "worker/session/store.h"

#include "shared/guard.h"
#include "worker/log.h"

#include <utility>

namespace mr {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::milliseconds kRetry{50};
constexpr std::chrono::milliseconds kReleaseRetry{250};

uint64_t as_count(std::chrono::milliseconds time) {
    return static_cast<uint64_t>(time.count());
}

std::shared_ptr<const redis::ScriptCall> shared(redis::ScriptCall call) {
    return std::make_shared<const redis::ScriptCall>(std::move(call));
}
} // namespace

SessionStore::SessionStore(Relay& relay, const Doorbell& bell)
    : relay_(relay), bell_(bell), keys_(relay.partitions, bell.session_id),
      worker_(relay.lease.worker()) {}

bool SessionStore::alive() const {
    return relay_.lease.valid() && relay_.lease.worker() == worker_;
}

asio::awaitable<redis::Value> SessionStore::call(SharedCall script) {
    for (;;) {
        if (!alive()) {
            throw SessionLost("the lease has lapsed");
        }
        redis::Value reply;
        bool answered = false;
        try {
            reply = co_await redis::run_script(*relay_.commands, script);
            answered = true;
        } catch (const redis::Error&) {
            answered = false; // every script may be run again
        }
        if (answered && !reply.is_error()) {
            co_return reply;
        }
        if (answered && !redis::passing_error(reply.text)) {
            log::error("redis refuses a script", {{"script", script->script().name},
                                                  {"session", bell_.session_id},
                                                  {"cause", reply.text}});
            throw redis::Error(reply.text);
        }
        co_await sleep_for(kRetry);
    }
}

asio::awaitable<Claim> SessionStore::claim() {
    redis::ScriptCall script(kClaimScript);
    script.add(keys_.meta.view()).add(keys_.in_lane.view()).add(keys_.out_lane.view());
    script.add(keys_.leases.view()).add(keys_.jobs.view()).add(keys_.out_channel.view());
    script.add(keys_.dead.view());
    script.add(bell_.session_id).add(worker_).add(bell_.entry_id);
    script.add(relay_.limits.max_attempts).add(as_count(relay_.limits.log_ttl()));
    script.add(as_count(relay_.limits.session_ttl));
    redis::Value reply = co_await call(shared(std::move(script)));
    Claim claim;
    claim.status = static_cast<ClaimStatus>(reply.at(0).integer);
    claim.epoch = parse_decimal(reply.at(1).text).value_or(0);
    claim.attempt = static_cast<uint32_t>(reply.at(2).integer);
    claim.prev = parse_event_id(reply.at(3).text).value_or(EventId{});
    claim.checkpoint = reply.at(4).text;
    claim.subject = reply.at(5).text;
    epoch_ = claim.epoch;
    co_return claim;
}

redis::ScriptCall SessionStore::save_call(std::string_view op, uint64_t number,
                                          const Save& save) const {
    const bool frees = op == "clear" || op == "keep";
    size_t bytes = save.checkpoint.size() + save.message_ids.size();
    for (const std::string& entry : save.history) {
        bytes += entry.size();
    }
    redis::ScriptCall script(frees ? kConsumeScript : kSaveScript, bytes);
    script.add(keys_.meta.view()).add(keys_.in_lane.view()).add(keys_.history.view());
    script.add(epoch_).add(worker_).add(op).add(number);
    script.add(save.checkpoint).add(save.message_ids);
    script.add(relay_.limits.max_history_messages).add(as_count(relay_.limits.session_ttl));
    script.add(save.consumed.size());
    for (const ConsumedMail& mail : save.consumed) {
        const EventIdText id = format_event_id({0, mail.number});
        script.add(id.view()).add(mail.bytes);
    }
    if (relay_.limits.max_history_messages > 0) {
        for (const std::string& entry : save.history) {
            script.add(entry);
        }
    }
    return script;
}

redis::ScriptCall SessionStore::consume_call(const Consumed& consumed) const {
    Save save;
    save.consumed = consumed;
    return save_call("keep", 0, save);
}

asio::awaitable<void> SessionStore::save(Save save) {
    if (removed(Guard::durability) && save.consumed.empty() && save.history.empty()) {
        co_return;
    }
    const std::string_view op = save.rewrite_history      ? "rewrite"
                                : save.checkpoint.empty() ? "clear"
                                                          : "set";
    const SharedCall script = shared(save_call(op, ++saves_, save));
    saving_ = true;
    redis::Value reply;
    try {
        reply = co_await call(script);
    } catch (...) {
        saving_ = false;
        throw;
    }
    saving_ = false;
    if (reply.integer != 1) {
        throw SessionLost("the session has another owner");
    }
    saved_ = script;
    note_consumed(save.consumed);
}

asio::awaitable<void> SessionStore::repeat_save() {
    if (!saved_ || saving_) {
        co_return; // nothing yet, or save() repeats itself
    }
    const uint64_t before = saves_;
    const SharedCall script = saved_; // by its number it does nothing if it is still there
    while (saves_ == before && alive()) {
        redis::Value reply;
        try {
            reply = co_await redis::run_script(*relay_.commands, script);
        } catch (const redis::Error&) {
            co_return; // away again: this is done anew when it is back
        }
        if (!reply.is_error()) {
            if (reply.integer != 1) {
                throw SessionLost("the session has another owner");
            }
            co_return;
        }
        if (!redis::passing_error(reply.text)) {
            throw redis::Error(reply.text);
        }
        co_await sleep_for(kRetry);
    }
}

asio::awaitable<FinishStatus> SessionStore::finish(std::chrono::milliseconds log_kept) {
    redis::ScriptCall script(kFinishScript);
    script.add(keys_.meta.view()).add(keys_.in_lane.view()).add(keys_.out_lane.view());
    script.add(keys_.jobs.view());
    script.add(epoch_).add(worker_).add(bell_.entry_id);
    script.add(as_count(log_kept)).add(as_count(relay_.limits.session_ttl));
    redis::Value reply = co_await call(shared(std::move(script)));
    co_return static_cast<FinishStatus>(reply.integer);
}

asio::awaitable<void> SessionStore::release(std::string_view checkpoint) {
    redis::ScriptCall script(kReleaseScript);
    script.add(keys_.meta.view()).add(keys_.in_lane.view());
    script.add(keys_.leases.view()).add(keys_.jobs.view());
    script.add(epoch_).add(worker_).add(bell_.entry_id).add(bell_.session_id).add(bell_.app);
    script.add(alive() || relay_.lease.lapsed_without_fault() ? "0" : "1");
    script.add(as_count(relay_.limits.session_ttl)).add(checkpoint);
    const SharedCall released = shared(std::move(script));
    const auto end = std::chrono::steady_clock::now() + kReleaseLimit;
    for (;;) {
        redis::Value reply;
        bool answered = false;
        try {
            reply = co_await redis::run_script(*relay_.commands, released);
            answered = true;
        } catch (const redis::Error&) {
            answered = false;
        }
        if (answered && !reply.is_error()) {
            if (static_cast<ReleaseStatus>(reply.integer) == ReleaseStatus::revived) {
                log::warn("redis had forgotten a running session, ringing for it anew",
                          {{"session", bell_.session_id}});
            }
            co_return;
        }
        const bool passing = !answered || redis::passing_error(reply.text);
        if (!passing || std::chrono::steady_clock::now() > end) {
            throw redis::Error(answered ? reply.text : "not reached for too long");
        }
        co_await sleep_for(kReleaseRetry);
    }
}

asio::awaitable<void> SessionStore::release_stranded() {
    const std::string_view get[] = {"HMGET", keys_.meta.view(), "own", "ep"};
    redis::Commands look;
    look.add(get);
    const redis::Value owner = co_await relay_.commands->run(look);
    if (owner.at(0).text != worker_) {
        co_return;
    }
    epoch_ = parse_decimal(owner.at(1).text).value_or(0);
    log::warn("session without an actor released", {{"session", bell_.session_id}});
    co_await release("");
}

} // namespace mr

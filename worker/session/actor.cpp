#include "worker/session/actor.h"

#include "shared/guard.h"
#include "worker/log.h"
#include "worker/metrics/meters.h"
#include "worker/session/mail_batch.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

namespace mr {

namespace asio = boost::asio;

namespace {

std::string_view claim_name(ClaimStatus status) {
    switch (status) {
    case ClaimStatus::claimed:
        return "claimed";
    case ClaimStatus::poisoned:
        return "poisoned";
    case ClaimStatus::done:
        return "done";
    case ClaimStatus::busy:
        return "busy";
    case ClaimStatus::no_lease:
        break;
    }
    return "no_lease";
}

} // namespace

std::shared_ptr<Actor> Actor::make(Relay& relay, Doorbell bell, const AppFactory& factory) {
    return std::shared_ptr<Actor>(new Actor(relay, std::move(bell), factory));
}

Actor::Actor(Relay& relay, Doorbell bell, const AppFactory& factory)
    : relay_(relay), bell_(std::move(bell)), factory_(factory), store_(relay, bell_),
      signal_(relay.executor), refreshed_(std::chrono::steady_clock::now()) {}

Actor::~Actor() = default;

bool Actor::busy() const {
    return app_ != nullptr && !app_->idle();
}

// A stronger reason replaces a weaker one.
void Actor::request_stop(Stop stop) {
    if (stop > stop_) {
        stop_ = stop;
    }
    if (stop_ == Stop::gone && lane_) {
        lane_->abandon();
    }
    signal_.notify();
}

void Actor::hurry() {
    hurried_ = true;
    signal_.notify();
}

asio::awaitable<void> Actor::run() {
    auto self = shared_from_this();
    try {
        claim_ = co_await store_.claim();
        metrics::meters().claims.at({claim_name(claim_.status)}).add();
        if (claim_.status == ClaimStatus::claimed || claim_.status == ClaimStatus::poisoned) {
            co_await own();
        } else if (claim_.status == ClaimStatus::busy) {
            co_await store_.release_stranded();
        }
    } catch (const std::exception& error) {
        log::warn("session not attended", {{"session", bell_.session_id}, {"cause", error.what()}});
    }
}

asio::awaitable<void> Actor::own() {
    log::debug("session claimed", {{"session", bell_.session_id},
                                   {"subject", claim_.subject},
                                   {"app", bell_.app},
                                   {"epoch", claim_.epoch},
                                   {"attempt", claim_.attempt}});
    open();
    bool lost = false;
    try {
        co_await attend();
    } catch (const std::exception& error) {
        lost = true;
        log::warn("session dropped", {{"session", bell_.session_id}, {"cause", error.what()}});
    }
    if (lost && stop_ != Stop::broken) {
        request_stop(Stop::gone);
    }
    mailbox_->stop();
    if (stop_ != Stop::none) {
        try {
            co_await leave();
        } catch (const std::exception& error) {
            log::warn("session not released",
                      {{"session", bell_.session_id}, {"cause", error.what()}});
        }
    }
    lane_->close();
}

void Actor::open() {
    const bool same_epoch = removed(Guard::fencing) && claim_.prev.epoch == claim_.epoch;
    lane_ = OutLane::make(relay_.flusher, store_.keys(), claim_.epoch,
                          same_epoch ? claim_.prev.seq + 1 : 1);
    lane_->on_lost = [this] { lane_lost(); };
    lane_->after_flush = [this] { send_consumed(); };
    lane_->on_restored = [this] { restore(); };
    mailbox_ = std::make_shared<Mailbox>(relay_, store_.keys(), [this] { signal_.notify(); });
    mailbox_->again = [this](const MailItem& item) { consume(item); };
    store_.on_consumed = [this](const Consumed& consumed) {
        for (const ConsumedMail& mail : consumed) {
            mailbox_->consumed(mail.number);
        }
    };
    session_ = std::make_unique<OwnedSession>(
        OwnedSession{relay_, bell_, claim_, store_, lane_, {}, {}, {}});
    session_->consume = [this](const MailItem& item) { consume(item); };
    session_->wake = [this] { signal_.notify(); };
    session_->abandon = [this] { request_stop(Stop::gone); };
    app_ = factory_(*session_);
    mailbox_->start();
    app_->start();
}

// Until the session is finished (stop_ none) or has to be left.
asio::awaitable<void> Actor::attend() {
    while (stop_ == Stop::none) {
        if (!mailbox_->empty()) {
            co_await lane_->wait_room(OutLane::RoomFor::mail, kMaxUnacknowledgedBytes);
            if (stop_ != Stop::none) {
                break;
            }
            const auto early = app_->mail_pause();
            if (early > std::chrono::steady_clock::duration::zero()) {
                co_await signal_.wait_for(early);
                refresh_expiry();
                continue;
            }
            MailItem item = mailbox_->pop();
            if (item.malformed) {
                log::warn("malformed mail dropped", {{"session", bell_.session_id}});
                consume(item);
            } else {
                app_->mail(std::move(item));
            }
            continue;
        }
        if (hurried_ && app_->can_move()) {
            request_stop(Stop::handover);
            break;
        }
        std::chrono::steady_clock::duration pause = kExpiryRefresh;
        if (hurried_) {
            pause = kHurriedLook;
        }
        if (app_->idle()) {
            pause = hurried_ ? std::chrono::milliseconds(0) : relay_.limits.linger;
        }
        const bool notified = co_await signal_.wait_for(pause);
        refresh_expiry();
        if (!notified && app_->idle() && mailbox_->empty() && stop_ == Stop::none) {
            const bool given_up = co_await give_up();
            if (given_up) {
                co_return;
            }
        }
    }
}

// True: the session has no owner any more.
asio::awaitable<bool> Actor::give_up() {
    app_->settle();
    co_await lane_->synced();
    const std::chrono::milliseconds log_kept = app_->log_kept(relay_.limits);
    const FinishStatus status = co_await store_.finish(log_kept);
    switch (status) {
    case FinishStatus::finished:
        co_return true;
    case FinishStatus::fenced:
        lane_->fence();
        break;
    case FinishStatus::more:
        mailbox_->read();
        break;
    }
    co_return false;
}

asio::awaitable<void> Actor::leave() {
    const std::string checkpoint = app_->checkpoint();
    co_await app_->stop();
    if (stop_ == Stop::handover && store_.alive()) {
        co_await lane_->synced();
    }
    // Also when it seems lost: nothing may stay ours that nobody attends. Fenced by the epoch.
    co_await store_.release(checkpoint);
}

void Actor::lane_lost() {
    request_stop(lane_->state() == LaneState::broken ? Stop::broken : Stop::gone);
}

// Redis was away and may have gone back in time; the event log has been seen to. What was to be
// removed from the in lane is, if it is still there under its number.
void Actor::restore() {
    store_.note_consumed(std::exchange(consumed_, {}));
    mailbox_->recheck();
    app_->restored();
    auto self = shared_from_this();
    asio::co_spawn(relay_.executor, [self] { return self->repeat_save(); }, asio::detached);
}

asio::awaitable<void> Actor::repeat_save() {
    auto self = shared_from_this();
    try {
        co_await store_.repeat_save();
    } catch (const SessionLost&) {
        lane_->fence();
    } catch (const std::exception& error) {
        log::warn("checkpoint not repeated",
                  {{"session", bell_.session_id}, {"cause", error.what()}});
    }
}

void Actor::consume(const MailItem& item) {
    settle_mail(item, consumed_);
    lane_->touch();
}

void Actor::send_consumed() {
    if (consumed_.empty()) {
        return;
    }
    const Consumed consumed = std::exchange(consumed_, {});
    redis::Commands commands;
    store_.consume_call(consumed).append_to(commands);
    auto self = shared_from_this();
    relay_.commands->send_encoded(commands, [self, consumed](const redis::Answer& answer) {
        self->consumption_answered(consumed, answer);
    });
}

void Actor::consumption_answered(const Consumed& consumed, const redis::Answer& answer) {
    if (answer.ok() && answer.reply->integer() == 1) {
        store_.note_consumed(consumed);
        return;
    }
    if (answer.ok()) {
        lane_->fence();
        return;
    }
    if (answer.reply == nullptr) {
        // Not known. When the connection is back the whole lane is looked at: restore().
        store_.note_consumed(consumed);
        return;
    }
    if (answer.reply->error_is("NOSCRIPT")) {
        const std::string_view load[] = {"SCRIPT", "LOAD", kConsumeScript.text};
        relay_.commands->send(load, {});
    }
    consumed_.insert(consumed_.end(), consumed.begin(), consumed.end());
    lane_->touch();
}

// A session that is owned for long keeps its log and its mail alive.
void Actor::refresh_expiry() {
    const auto now = std::chrono::steady_clock::now();
    if (now - refreshed_ < kExpiryRefresh) {
        return;
    }
    refreshed_ = now;
    const SessionKeys& keys = store_.keys();
    const std::string log_ttl = std::to_string(relay_.limits.log_ttl().count());
    const std::string ttl = std::to_string(relay_.limits.session_ttl.count());
    const std::string_view log_command[] = {"PEXPIRE", keys.out_lane.view(), log_ttl};
    const std::string_view meta[] = {"PEXPIRE", keys.meta.view(), ttl};
    const std::string_view mail[] = {"PEXPIRE", keys.in_lane.view(), ttl};
    relay_.commands->send(log_command, {});
    relay_.commands->send(meta, {});
    relay_.commands->send(mail, {});
    trim_log(now);
}

// A session that is never idle keeps its epoch, and with it its log: what nobody can resume from
// any more goes. A running turn is younger than that.
void Actor::trim_log(std::chrono::steady_clock::time_point now) {
    log_marks_.add(now, lane_->last_id());
    const EventId end = log_marks_.take_expired(now, relay_.limits.log_ttl());
    if (end.seq > 0) {
        const EventIdText id = format_event_id(end);
        const std::string_view trim[] = {"XTRIM", store_.keys().out_lane.view(), "MINID",
                                         id.view()};
        relay_.commands->send(trim, {});
    }
}

} // namespace mr

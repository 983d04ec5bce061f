#include "ngx_mr_ws_module/redis_link.h"

#include "ngx_mr_ws_module/metrics.h"

namespace mr {
namespace {

constexpr size_t kMaxLoggedDetailChars = 160;

const char* state_name(LinkState state) {
    switch (state) {
    case LinkState::off:
        return "off";
    case LinkState::waiting:
        return "waiting";
    case LinkState::dialing:
        return "dialing";
    case LinkState::preparing:
        return "preparing";
    case LinkState::ready:
        return "ready";
    }
    return "?";
}

// True once `deadline` is reached; nginx's clock may wrap.
bool reached(ngx_msec_t deadline) {
    return static_cast<ngx_msec_int_t>(ngx_current_msec - deadline) >= 0;
}

} // namespace

void RedisLink::open(LinkKind kind, const RedisTarget& target, ngx_resolver_t* resolver,
                     ngx_log_t* log, const LinkEvents& events) noexcept {
    kind_ = kind;
    target_ = &target;
    resolver_ = resolver;
    log_ = log;
    events_ = events;
    dialer_.init(target, resolver, log, on_dialed, this);
    cork_.data = this;
    cork_.log = log;
    cork_.handler = on_cork;
    timer_.data = this;
    timer_.log = log;
    timer_.handler = on_timer;
    timer_.cancelable = 1; // never keeps a process that is quitting
    down_since_ = ngx_current_msec;
    metric_add(metric_if(kind == LinkKind::commands, Metric::redis_links_commands,
                         Metric::redis_links_subscriptions));
    dial();
}

void RedisLink::shut() noexcept {
    set_state(LinkState::off);
    if (watch_ != nullptr) {
        watch_->leave(primary_user_);
        watch_ = nullptr;
    }
    dialer_.cancel();
    if (connection_ != nullptr) {
        ngx_connection_t* connection = connection_;
        connection_ = nullptr;
        redis_close(connection);
    }
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
    if (cork_.posted) {
        ngx_delete_posted_event(&cork_);
    }
    out_.release();
    held_.release();
    kept_.release();
    answer_all(pending_);
    answer_all(held_pending_);
    count_in_flight();
}

bool RedisLink::is_down() const noexcept {
    return state_ == LinkState::off ||
           (state_ != LinkState::ready && reached(down_since_ + kHoldMs));
}

const char* RedisLink::failure_text() const noexcept {
    return logged_cause_ != nullptr ? logged_cause_ : "it is being opened";
}

void RedisLink::set_state(LinkState state) noexcept {
    if (log_ != nullptr) {
        ngx_log_debug4(NGX_LOG_DEBUG_HTTP, log_, 0, "mr_ws: redis %s: %s: %s -> %s", target_->name,
                       link_kind_name(kind_), state_name(state_), state_name(state));
    }
    state_ = state;
    count_up(state == LinkState::ready);
}

// ---- what is counted

void RedisLink::count_up(bool up) noexcept {
    if (up == counted_up_) {
        return;
    }
    counted_up_ = up;
    const bool commands = kind_ == LinkKind::commands;
    const Metric gauge =
        metric_if(commands, Metric::redis_up_commands, Metric::redis_up_subscriptions);
    if (!up) {
        return metric_take(gauge);
    }
    metric_add(gauge);
    if (was_up_) {
        metric_add(metric_if(commands, Metric::redis_reconnects_commands,
                             Metric::redis_reconnects_subscriptions));
    }
    was_up_ = true;
}

void RedisLink::count_in_flight() noexcept {
    const uint32_t now = pending_.size() + held_pending_.size();
    metric_add(Metric::redis_in_flight, uint64_t{now} - counted_in_flight_); // modulo 2^64
    counted_in_flight_ = now;
}

// ---- connecting

void RedisLink::dial() noexcept {
    set_state(LinkState::dialing);
    phase_deadline_ = ngx_current_msec + kDialTimeoutMs;
    arm_timer();
    if (!target_->url.has_sentinels()) {
        dialer_.start(target_->place);
    } else if (join_watch()) {
        watch_->find(primary_user_);
    } else {
        fail({"out of memory"});
    }
}

void RedisLink::on_dialed(void* owner, ngx_connection_t* connection, DialProblem problem) noexcept {
    auto* self = static_cast<RedisLink*>(owner);
    if (connection == nullptr) {
        self->fail(problem);
        return;
    }
    self->begin(connection);
}

void RedisLink::begin(ngx_connection_t* connection) noexcept {
    connection_ = connection;
    connection->data = this;
    connection->read->handler = on_read;
    connection->write->handler = on_write;
    reader_.reset();
    out_.clear();
    ping_sent_ = false;
    heard_at_ = ngx_current_msec;
    set_state(LinkState::preparing);
    phase_deadline_ = ngx_current_msec + kReplyTimeoutMs;
    log_in();
    if (events_.prepare != nullptr && state_ == LinkState::preparing) {
        events_.prepare(events_.owner);
    }
    arm_timer();
    if (connection_ == connection && connection->read->ready) {
        ngx_post_event(connection->read, &ngx_posted_events);
    }
}

void RedisLink::become_ready() noexcept {
    set_state(LinkState::ready);
    ngx_log_error(NGX_LOG_NOTICE, log_, 0, "mr_ws: redis %s%s: %s link ready", target_->name,
                  primary_label(), link_kind_name(kind_));
    ready_at_ = ngx_current_msec;
    expire_held();
    if (!take_held()) {
        fail({"out of memory"});
        return;
    }
    if (events_.ready != nullptr) {
        events_.ready(events_.owner);
    }
    arm_timer();
}

// What was given meanwhile goes out first. False: out of memory, and everything is still held.
bool RedisLink::take_held() noexcept {
    if (held_.empty()) {
        return true;
    }
    if (!out_.append(held_.view()) || !kept_.reserve(held_.size())) {
        return false;
    }
    pending_.swap(held_pending_); // it is empty: nothing has to grow
    for (uint32_t left = pending_.size(); left != 0; --left) {
        PendingCommand command = pending_.pop();
        command.deadline_ms = ngx_current_msec + kReplyTimeoutMs;
        if (command.repeat_until_ms != 0) {
            kept_.append(held_.view().first(command.bytes));
        }
        held_.spend(command.bytes);
        pending_.push(command);
    }
    held_.release();
    cork();
    return true;
}

// The link has broken: what may be repeated waits for the next one, in front of what is given
// meanwhile. The rest stays in pending_.
void RedisLink::hold_repeatable() noexcept {
    for (uint32_t left = pending_.size(); left != 0; --left) {
        PendingCommand command = pending_.pop();
        if (command.repeat_until_ms != 0) {
            const uint64_t held_until = ngx_current_msec + kHoldMs;
            command.deadline_ms =
                held_until < command.repeat_until_ms ? held_until : command.repeat_until_ms;
            const bool held = !reached(command.repeat_until_ms) &&
                              held_.append(kept_.view().first(command.bytes));
            kept_.spend(command.bytes);
            if (held && held_pending_.push(command)) {
                continue;
            }
            held_.drop_back(held ? command.bytes : 0);
        }
        pending_.push(command); // into the place it has just left: that takes no memory
    }
    kept_.release();
}

void RedisLink::fail(DialProblem cause, std::string_view detail) noexcept {
    if (state_ == LinkState::off || state_ == LinkState::waiting) {
        return;
    }
    const bool was_ready = state_ == LinkState::ready;
    if (was_ready) {
        down_since_ = ngx_current_msec;
    }
    if (was_ready && reached(ready_at_ + kStableMs)) {
        failures_ = 0;
        backoff_.reset();
    }
    ping_sent_ = false; // nobody will answer it: its deadline must not wake us any more
    if (watch_ != nullptr) {
        watch_->forget(primary_user_);
    }
    schedule_retry();
    log_failure(cause, detail);
    dialer_.cancel();
    if (connection_ != nullptr) {
        ngx_connection_t* connection = connection_;
        connection_ = nullptr;
        redis_close(connection);
    }
    if (cork_.posted) {
        ngx_delete_posted_event(&cork_);
    }
    out_.release();
    hold_repeatable();
    if (was_ready && events_.down != nullptr) {
        events_.down(events_.owner);
    }
    answer_all(pending_);
    count_in_flight();
    arm_timer();
}

void RedisLink::schedule_retry() noexcept {
    set_state(LinkState::waiting);
    phase_deadline_ = ngx_current_msec + backoff_.next(static_cast<uint32_t>(ngx_random()));
    arm_timer();
}

void RedisLink::log_failure(DialProblem cause, std::string_view detail) noexcept {
    ++failures_;
    metric_add(metric_if(kind_ == LinkKind::commands, Metric::redis_failures_commands,
                         Metric::redis_failures_subscriptions));
    if (failures_ > 1 && cause.text == logged_cause_ && !reached(logged_at_ + kRepeatedLogMs)) {
        return;
    }
    logged_cause_ = cause.text;
    logged_at_ = ngx_current_msec;
    const size_t shown =
        detail.size() < kMaxLoggedDetailChars ? detail.size() : kMaxLoggedDetailChars;
    ngx_log_error(NGX_LOG_ERR, log_, cause.err,
                  "mr_ws: redis %s%s: %s link: %s%s%*s, attempt %uD, next in %M ms", target_->name,
                  primary_label(), link_kind_name(kind_), cause.text, shown != 0 ? ": " : "", shown,
                  detail.data(), failures_, phase_deadline_ - ngx_current_msec);
}

// Handlers may queue new commands: those go to the next connection, never into this round.
void RedisLink::answer_all(PendingQueue& queue) noexcept {
    PendingQueue lost;
    lost.swap(queue);
    while (!lost.empty()) {
        const PendingCommand command = lost.pop();
        if (command.sink.handler != nullptr) {
            command.sink.handler(command.sink.owner, command.sink.tag, nullptr);
        }
    }
}

void RedisLink::expire_held() noexcept {
    while (!held_pending_.empty() && reached(held_pending_.front().deadline_ms)) {
        const PendingCommand command = held_pending_.pop();
        held_.spend(command.bytes);
        if (command.sink.handler != nullptr) {
            command.sink.handler(command.sink.owner, command.sink.tag, nullptr);
        }
    }
    if (held_.empty()) {
        held_.release();
    }
}

// ---- deadlines

void RedisLink::probe() noexcept {
    if (kind_ == LinkKind::commands) {
        send({"PING"}, {});
        return;
    }
    static constexpr std::string_view kPing[] = {"PING"};
    if (send_push(kPing)) {
        ping_sent_ = true;
        ping_at_ = ngx_current_msec;
    }
}

void RedisLink::check_deadlines() noexcept {
    expire_held();
    switch (state_) {
    case LinkState::off:
        return;
    case LinkState::waiting:
        if (reached(phase_deadline_)) {
            dial();
        }
        return;
    case LinkState::dialing:
        if (reached(phase_deadline_)) {
            fail({primary_user_.asking ? "the sentinels have not answered in time"
                                       : dialer_.timeout_text()});
        }
        return;
    case LinkState::preparing:
        if (reached(phase_deadline_)) {
            fail({"accepted the connection but does not answer"});
        }
        return;
    case LinkState::ready:
        break;
    }
    if ((!pending_.empty() && reached(pending_.front().deadline_ms)) ||
        (ping_sent_ && reached(ping_at_ + kReplyTimeoutMs))) {
        fail({"does not answer"});
    } else if (pending_.empty() && !ping_sent_ && reached(heard_at_ + kPingIdleMs)) {
        probe();
    }
}

void RedisLink::on_timer(ngx_event_t* event) noexcept {
    auto* self = static_cast<RedisLink*>(event->data);
    self->check_deadlines();
    self->count_in_flight();
    self->arm_timer();
}

// In `ready` the timer never sleeps longer than kPingIdleMs, so neither a command queued meanwhile
// nor its reply has to touch it.
void RedisLink::arm_timer() noexcept {
    if (state_ == LinkState::off) {
        return;
    }
    ngx_msec_t wake_ms = phase_deadline_;
    const auto sooner = [&](ngx_msec_t deadline) {
        if (static_cast<ngx_msec_int_t>(deadline - wake_ms) < 0) {
            wake_ms = deadline;
        }
    };
    if (state_ == LinkState::ready) {
        wake_ms = ngx_current_msec + kPingIdleMs;
        if (!pending_.empty()) {
            sooner(pending_.front().deadline_ms);
        } else {
            sooner(ping_sent_ ? ping_at_ + kReplyTimeoutMs : heard_at_ + kPingIdleMs);
        }
    }
    if (!held_pending_.empty()) {
        sooner(held_pending_.front().deadline_ms);
    }
    const auto delay = static_cast<ngx_msec_int_t>(wake_ms - ngx_current_msec);
    ngx_add_timer(&timer_, delay > 0 ? static_cast<ngx_msec_t>(delay) : 1);
}

} // namespace mr

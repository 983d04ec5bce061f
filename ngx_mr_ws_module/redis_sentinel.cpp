#include "ngx_mr_ws_module/redis_sentinel.h"

#include <cstdlib>
#include <new>

namespace mr {
namespace {

SentinelWatch* watches = nullptr; // of this process, one per target in use

bool reached(ngx_msec_t deadline) {
    return static_cast<ngx_msec_int_t>(ngx_current_msec - deadline) >= 0;
}

} // namespace

SentinelWatch* SentinelWatch::join(const RedisTarget& target, ngx_resolver_t* resolver,
                                   ngx_log_t* log, PrimaryUser& user) noexcept {
    SentinelWatch* watch = watches;
    while (watch != nullptr && watch->target_ != &target) {
        watch = watch->next_watch_;
    }
    if (watch == nullptr) {
        void* memory = std::malloc(sizeof(SentinelWatch));
        if (memory == nullptr) {
            return nullptr;
        }
        watch = new (memory) SentinelWatch(target, resolver, log);
        watch->next_watch_ = watches;
        watches = watch;
    }
    user.next = watch->users_;
    watch->users_ = &user;
    return watch;
}

SentinelWatch::SentinelWatch(const RedisTarget& target, ngx_resolver_t* resolver,
                             ngx_log_t* log) noexcept
    : target_(&target), log_(log) {
    for (size_t i = 0; i < count(); ++i) {
        peers_[i].init(target, target.sentinels[i], resolver, log, answers_[i], on_answer, this);
    }
    timer_.data = this;
    timer_.log = log;
    timer_.handler = on_timer;
    timer_.cancelable = 1; // never keeps a process that is quitting
}

SentinelWatch::~SentinelWatch() {
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
}

void SentinelWatch::leave(PrimaryUser& user) noexcept {
    PrimaryUser** at = &users_;
    while (*at != nullptr && *at != &user) {
        at = &(*at)->next;
    }
    if (*at != nullptr) {
        *at = user.next;
    }
    user.asking = false;
    if (users_ != nullptr) {
        return;
    }
    SentinelWatch** watch = &watches;
    while (*watch != this) {
        watch = &(*watch)->next_watch_;
    }
    *watch = next_watch_;
    this->~SentinelWatch();
    std::free(this);
}

// ---- rounds

// The round is started by the timer: a link must not be called back while it still asks.
void SentinelWatch::find(PrimaryUser& user) noexcept {
    user.asking = true;
    if (!in_round_) {
        due_ms_ = ngx_current_msec;
        arm_timer();
    }
}

void SentinelWatch::start_round() noexcept {
    in_round_ = starting_ = true;
    most_heard_ = false;
    due_ms_ = ngx_current_msec + kSentinelTimeoutMs;
    for (size_t i = 0; i < count(); ++i) {
        if (!peers_[i].asking()) {
            peers_[i].ask();
        }
    }
    starting_ = false;
    check_round();
}

void SentinelWatch::on_answer(void* owner) noexcept {
    auto* self = static_cast<SentinelWatch*>(owner);
    if (self->in_round_ && !self->starting_) {
        self->check_round();
        self->arm_timer();
    }
}

void SentinelWatch::check_round() noexcept {
    size_t named = 0;
    size_t missing = 0;
    for (size_t i = 0; i < count(); ++i) {
        missing += peers_[i].asking() ? 1 : 0;
        named += !peers_[i].asking() && answers_[i].kind == SentinelAnswer::Kind::primary ? 1 : 0;
    }
    if (missing == 0 || reached(due_ms_)) {
        decide();
        return;
    }
    // One frozen sentinel must not delay every dial by its whole time limit.
    if (!most_heard_ && named * 2 > count()) {
        most_heard_ = true;
        const ngx_msec_t soon = ngx_current_msec + kSentinelStragglersMs;
        due_ms_ = static_cast<ngx_msec_int_t>(soon - due_ms_) < 0 ? soon : due_ms_;
    }
}

void SentinelWatch::decide() noexcept {
    in_round_ = false;
    due_ms_ = ngx_current_msec + kSentinelPollMs;
    for (size_t i = 0; i < count(); ++i) {
        if (peers_[i].asking()) { // its answer so far is none; the rest counts in the next round
            answers_[i] = {};
            answers_[i].say("does not answer");
        }
    }
    const SentinelVerdict verdict = judge_sentinels({answers_, count()}, primary_, config_epoch_);
    if (verdict.problem == nullptr) {
        agree(answers_[verdict.witness]);
    }
    const bool told = tell_users(verdict);
    note_trouble(verdict, told);
}

void SentinelWatch::agree(const SentinelAnswer& answer) noexcept {
    config_epoch_ = answer.config_epoch;
    if (!(answer.primary == primary_)) {
        const bool moved = primary_.known();
        char label[kLabelChars] = " at ";
        char* name = label + 4;
        name[format_place(answer.primary.host.view(), answer.primary.port, name)] = 0;
        ngx_log_error(NGX_LOG_NOTICE, log_, 0,
                      "mr_ws: redis %s: the sentinels name %s as primary%s%s, epoch %uL",
                      target_->name, name, moved ? " instead of the one" : "", primary_label_,
                      config_epoch_);
        if (moved) {
            move_users(); // while what they point to still stands
        }
        primary_ = answer.primary;
        ngx_memcpy(primary_label_, label, sizeof(label));
    }
    note_quorum(answer.no_quorum, answer.words.view());
}

void SentinelWatch::move_users() noexcept {
    for (PrimaryUser* user = users_; user != nullptr;) {
        PrimaryUser* next = user->next;
        if (!user->asking) {
            user->moved(user->owner);
        }
        user = next;
    }
}

bool SentinelWatch::tell_users(const SentinelVerdict& verdict) noexcept {
    bool told = false;
    const RedisPlace place{primary_.host.view(), primary_.port, nullptr, 0};
    for (PrimaryUser* user = users_; user != nullptr;) {
        PrimaryUser* next = user->next;
        if (user->asking) {
            user->asking = false;
            told = true;
            if (verdict.problem == nullptr) {
                user->found(user->owner, place);
            } else {
                user->not_found(user->owner, {verdict.problem}, witness_text(verdict.witness));
            }
        }
        user = next;
    }
    return told;
}

// ---- what the operator is told

// "127.0.0.1:26379: connect failed: Connection refused".
std::string_view SentinelWatch::witness_text(size_t witness) noexcept {
    const RedisPlace& place = target_->sentinels[witness];
    size_t length = format_place(place.host, place.port, witness_text_);
    const std::string_view words = answers_[witness].words.view();
    if (!words.empty()) {
        ngx_memcpy(witness_text_ + length, ": ", 2);
        ngx_memcpy(witness_text_ + length + 2, words.data(), words.size());
        length += 2 + words.size();
    }
    return {witness_text_, length};
}

// A link that has asked says for itself what is wrong. With all of them up nobody else would say
// that a failover goes unnoticed.
void SentinelWatch::note_trouble(const SentinelVerdict& verdict, bool told) noexcept {
    if (verdict.problem == nullptr) {
        if (logged_problem_ != nullptr) {
            ngx_log_error(NGX_LOG_NOTICE, log_, 0, "mr_ws: redis %s: the sentinels answer again",
                          target_->name);
        }
        logged_problem_ = nullptr;
        return;
    }
    const bool repeated =
        verdict.problem == logged_problem_ && !reached(logged_at_ms_ + kRepeatedLogMs);
    if (told || repeated) {
        return;
    }
    logged_problem_ = verdict.problem;
    logged_at_ms_ = ngx_current_msec;
    const std::string_view witness = witness_text(verdict.witness);
    ngx_log_error(NGX_LOG_WARN, log_, 0, "mr_ws: redis %s: watching for a failover: %s: %*s",
                  target_->name, verdict.problem, witness.size(), witness.data());
}

void SentinelWatch::note_quorum(bool missing, std::string_view words) noexcept {
    if (missing == no_quorum_) {
        return;
    }
    no_quorum_ = missing;
    if (missing) {
        ngx_log_error(NGX_LOG_WARN, log_, 0,
                      "mr_ws: redis %s: should the primary fail, no other can be elected (start "
                      "the missing sentinels): %*s",
                      target_->name, words.size(), words.data());
    } else {
        ngx_log_error(NGX_LOG_NOTICE, log_, 0, "mr_ws: redis %s: the sentinels have a quorum again",
                      target_->name);
    }
}

// ---- time

void SentinelWatch::on_timer(ngx_event_t* event) noexcept {
    auto* self = static_cast<SentinelWatch*>(event->data);
    for (size_t i = 0; i < self->count(); ++i) {
        SentinelPeer& peer = self->peers_[i];
        if (peer.asking() && reached(peer.asked_at_ms() + kSentinelTimeoutMs)) {
            peer.give_up();
        }
    }
    if (self->in_round_) {
        self->check_round();
    } else if (reached(self->due_ms_)) {
        self->start_round();
    }
    self->arm_timer();
}

// A straggler's own deadline is looked at when the next round is due.
void SentinelWatch::arm_timer() noexcept {
    if (timer_.timer_set) {
        ngx_del_timer(&timer_); // nginx leaves a timer alone that is to be moved by a little
    }
    const auto delay = static_cast<ngx_msec_int_t>(due_ms_ - ngx_current_msec);
    ngx_add_timer(&timer_, delay > 0 ? static_cast<ngx_msec_t>(delay) : 1);
}

} // namespace mr

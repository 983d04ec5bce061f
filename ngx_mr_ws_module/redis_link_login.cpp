// The part of a link between its dial and `ready`: whom the sentinels name, the log-in, and whether
// the server is what it is taken for.
#include "ngx_mr_ws_module/redis_link.h"
#include "shared/ids.h"

namespace mr {

const char* link_kind_name(LinkKind kind) noexcept {
    return kind == LinkKind::commands ? "commands" : "subscriptions";
}

// ---- with sentinels

bool RedisLink::join_watch() noexcept {
    if (watch_ == nullptr) {
        primary_user_.owner = this;
        primary_user_.found = on_primary;
        primary_user_.not_found = on_no_primary;
        primary_user_.moved = on_moved;
        watch_ = SentinelWatch::join(*target_, resolver_, log_, primary_user_);
    }
    return watch_ != nullptr;
}

const char* RedisLink::primary_label() const noexcept {
    return watch_ != nullptr ? watch_->primary_label() : "";
}

void RedisLink::on_primary(void* owner, const RedisPlace& primary) noexcept {
    auto* self = static_cast<RedisLink*>(owner);
    if (self->state_ == LinkState::dialing) {
        self->dialer_.start(primary);
    }
}

void RedisLink::on_no_primary(void* owner, DialProblem problem, std::string_view detail) noexcept {
    static_cast<RedisLink*>(owner)->fail(problem, detail);
}

void RedisLink::on_moved(void* owner) noexcept {
    auto* self = static_cast<RedisLink*>(owner);
    if (self->state_ == LinkState::waiting) { // there is somewhere to go now
        self->backoff_.reset();
        self->schedule_retry();
        return;
    }
    self->fail({"the sentinels name another primary now"});
}

void RedisLink::on_role(void* owner, uint64_t, const Reply* reply) noexcept {
    auto* self = static_cast<RedisLink*>(owner);
    if (reply == nullptr || is_primary_role(*reply)) {
        return;
    }
    if (reply->is_error()) {
        self->fail({"does not tell whether it is a primary (an ACL has to allow +role)"},
                   reply->text());
        return;
    }
    // The sentinels are behind, or the server has come back before it was told.
    self->fail({"is not the primary that the sentinels take it for, its role is"},
               reply->size() != 0 ? (*reply)[0].text() : std::string_view{});
}

// ---- log-in

namespace {
enum SetupStep : uint64_t { kStepAuth, kStepSelect, kStepName, kStepPing };
} // namespace

void RedisLink::log_in() noexcept {
    const RedisUrl& url = target_->url;
    if (!url.password.empty()) {
        const ReplySink sink{on_setup_reply, this, kStepAuth};
        if (url.user.empty()) {
            setup({"AUTH", url.password.view()}, sink);
        } else {
            setup({"AUTH", url.user.view(), url.password.view()}, sink);
        }
    }
    if (url.database != 0) {
        char number[20];
        setup({"SELECT", {number, format_decimal(url.database, number)}},
              {on_setup_reply, this, kStepSelect});
    }
    char name[64];
    const u_char* end = ngx_snprintf(reinterpret_cast<u_char*>(name), sizeof(name),
                                     "mr-ws-nginx-%P-%s", ngx_pid, link_kind_name(kind_));
    const auto length = static_cast<size_t>(reinterpret_cast<const char*>(end) - name);
    setup({"CLIENT", "SETNAME", {name, length}}, {on_setup_reply, this, kStepName});
    if (target_->url.has_sentinels()) {
        setup({"ROLE"}, {on_role, this});
    }
    setup({"PING"}, {on_setup_reply, this, kStepPing});
}

void RedisLink::on_setup_reply(void* owner, uint64_t tag, const Reply* reply) noexcept {
    auto* self = static_cast<RedisLink*>(owner);
    if (reply == nullptr || !reply->is_error()) {
        return;
    }
    switch (tag) {
    case kStepAuth:
        self->fail({"refuses user or password"}, reply->text());
        return;
    case kStepSelect:
        self->fail({"refuses the database"}, reply->text());
        return;
    case kStepName: // for the operator's CLIENT LIST only; may be forbidden by an ACL
        return;
    default:
        self->fail({reply->error_is("NOAUTH") ? "asks for a password" : "does not serve"},
                   reply->text());
    }
}

} // namespace mr

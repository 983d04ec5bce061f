#include "ngx_mr_ws_module/session_owner.h"

#include "ngx_mr_ws_module/hub.h"
#include "shared/keys.h"

namespace mr {
namespace {

// The rule of the mail script: a session that nobody has written to belongs to nobody yet.
bool is_stranger(const Reply& reply, std::string_view subject) {
    if (reply.type() != ReplyType::array || reply.size() != 2) {
        return false;
    }
    const bool owned = reply[0].type() != ReplyType::nil || reply[1].type() != ReplyType::nil;
    return owned && reply[0].text() != subject;
}

void on_owner(void* owner, uint64_t connection_id, const Reply* reply) noexcept {
    auto& session = *static_cast<Session*>(owner);
    Follower* connection = find_follower(session, connection_id);
    if (reply != nullptr && reply->is_error()) {
        hub_complain(*session.hub, "owner of a session unknown", reply->text());
    }
    if (connection != nullptr && (reply == nullptr || reply->is_error())) {
        follower_close(*connection, CloseCode::try_again_later, "owner of the session unknown");
    } else if (connection != nullptr && is_stranger(*reply, connection->subject())) {
        owner_refuse(session, connection);
    }
    --session.references;
    hub_release_session(session);
}

bool has_names(const AccessConf& access) {
    return access.keys != nullptr || access.subject != nullptr;
}

} // namespace

void owner_ask(Follower& connection) noexcept {
    Session& session = *connection.relay.session;
    Hub& hub = *session.hub;
    connection.relay.owner_due = !hub_is_set_up(hub) && !hub_is_down(hub);
    if (connection.relay.owner_due || !has_names(connection.conf->access)) {
        return;
    }
    const SessionKeys keys(hub.partitions, session.id_view());
    if (!hub_is_set_up(hub) || !hub.commands.send_repeatable({"HMGET", keys.meta, "sub", "iseq"},
                                                             {on_owner, &session, connection.id})) {
        return follower_close(connection, CloseCode::try_again_later,
                              "owner of the session unknown");
    }
    ++session.references;
}

void owner_ask_due(Session& session) noexcept {
    for (Follower* follower = session.followers; follower != nullptr;) {
        Follower* next = next_follower(*follower);
        if (follower->relay.owner_due) {
            owner_ask(*follower);
        }
        follower = next;
    }
}

void owner_refuse(Session& session, Follower* connection) noexcept {
    if (connection == nullptr) {
        return;
    }
    ngx_log_error(NGX_LOG_WARN, connection->log(), 0,
                  "mr_ws: session %*s belongs to another subject", kSessionIdChars, session.id);
    follower_close(*connection, CloseCode::policy_violation, "not the owner of this session");
}

} // namespace mr

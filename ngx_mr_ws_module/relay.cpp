#include "ngx_mr_ws_module/relay.h"

#include "ngx_mr_ws_module/follower.h"
#include "ngx_mr_ws_module/gateway_events.h"
#include "ngx_mr_ws_module/hub.h"
#include "ngx_mr_ws_module/lane_reader.h"
#include "ngx_mr_ws_module/mailbox.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/random.h"
#include "ngx_mr_ws_module/redis_target.h"
#include "ngx_mr_ws_module/session_owner.h"
#include "ngx_mr_ws_module/settings.h"
#include "ngx_mr_ws_module/subscriber.h"

#include <cstdlib>

namespace mr {
namespace {

// One per target of the configuration, by its index. Null entries: none could be made.
Hub** hubs = nullptr;
size_t hub_count = 0;

// The `resolver` of the http block, if there is one.
ngx_resolver_t* find_resolver(ngx_cycle_t* cycle) {
    auto* context = reinterpret_cast<ngx_http_conf_ctx_t*>(cycle->conf_ctx[ngx_http_module.index]);
    if (context == nullptr) {
        return nullptr;
    }
    auto* core =
        static_cast<ngx_http_core_loc_conf_t*>(context->loc_conf[ngx_http_core_module.ctx_index]);
    return core != nullptr ? core->resolver : nullptr;
}

Hub* hub_of(const Follower& connection) {
    const RedisTarget* target = connection.conf->redis;
    return target != nullptr && target->index < hub_count ? hubs[target->index] : nullptr;
}

Session* make_session(Hub& hub) {
    uint8_t random[16];
    char id[kSessionIdChars];
    if (!random_bytes(random)) {
        return nullptr;
    }
    format_session_id(random, id);
    return hub_create_session(hub, {id, kSessionIdChars});
}

// The session a client comes back to: known here already, or not.
Session* find_session(Hub& hub, std::string_view id) {
    Session* session = hub.sessions.find(id);
    return session != nullptr ? session : hub_create_session(hub, id);
}

} // namespace

Hub* relay_hub(const RedisTarget& target) noexcept {
    return target.index < hub_count ? hubs[target.index] : nullptr;
}

bool relay_open(Follower& connection, const OpenRequest& request) noexcept {
    Hub* hub = hub_of(connection);
    if (hub == nullptr) {
        return false;
    }
    Session* session =
        request.resume ? find_session(*hub, request.resume_session) : make_session(*hub);
    if (session == nullptr) {
        return false;
    }
    if (!request.resume) {
        metric_add(Metric::sessions_created);
    }
    const bool first = session->followers == nullptr;
    session->app = connection.app;
    add_follower(*session, connection);
    RelayLink& link = connection.relay;
    if (request.resume) {
        link.cursor = request.resume_cursor;
        link.greet = true;
        link.at_top = request.at_top;
        session->attach_due = session->attach_due || first;
    }
    if (first) {
        subscriber_follow(*session);
    }
    mailbox_join(connection);
    if (request.resume) {
        owner_ask(connection);
        lane_joined(connection);
    } else {
        gateway_connected(connection, false);
    }
    return true;
}

void relay_message(Follower& connection, Opcode opcode, ByteView message) noexcept {
    if (connection.relay.session != nullptr) {
        mailbox_send(connection, opcode == Opcode::text ? MailKind::text : MailKind::binary,
                     message);
    }
}

void relay_batch(Follower& connection, ByteView batch) noexcept {
    if (connection.relay.session != nullptr) {
        mailbox_send(connection, MailKind::batch, batch);
    }
}

void relay_drained(Follower& connection) noexcept {
    if (connection.relay.session != nullptr) {
        lane_drained(connection);
    }
}

bool relay_turn_running(const Follower& connection) noexcept {
    const RelayLink& link = connection.relay;
    return link.session != nullptr && (session_busy(*link.session) || link.behind);
}

void relay_closed(Follower& connection, bool abandoned) noexcept {
    Session* session = connection.relay.session;
    if (session == nullptr) {
        return;
    }
    if (abandoned) {
        mailbox_abandon(*session, connection);
    }
    remove_follower(*session, connection);
    if (session->followers == nullptr) {
        mailbox_detach(*session, connection);
        subscriber_leave(*session);
    }
    hub_release_session(*session);
}

bool relay_init_process(ngx_cycle_t* cycle, MainConf& conf) noexcept {
    if (conf.targets == nullptr || conf.targets->nelts == 0) {
        return true;
    }
    hub_count = conf.targets->nelts;
    hubs = static_cast<Hub**>(std::calloc(hub_count, sizeof(Hub*)));
    if (hubs == nullptr) {
        hub_count = 0;
        return false;
    }
    auto* const* targets = static_cast<RedisTarget* const*>(conf.targets->elts);
    ngx_resolver_t* resolver = find_resolver(cycle);
    for (size_t i = 0; i < hub_count; ++i) {
        hubs[i] = hub_create(*targets[i], resolver, cycle->log);
        if (hubs[i] == nullptr) {
            return false;
        }
    }
    return true;
}

// The links stay open until the last session has gone: sessions that wait for their answer need
// them, and their timers do not keep the process.
void relay_shutting_down(ngx_cycle_t* cycle) noexcept {
    size_t sessions = 0;
    for (size_t i = 0; i < hub_count; ++i) {
        sessions += hubs[i] != nullptr ? hubs[i]->sessions.size() : 0;
    }
    ngx_log_error(NGX_LOG_INFO, cycle->log, 0, "mr_ws: draining %uz sessions", sessions);
}

void relay_exit_process(ngx_cycle_t*) noexcept {
    for (size_t i = 0; i < hub_count; ++i) {
        if (hubs[i] != nullptr) {
            hub_destroy(hubs[i]);
        }
    }
    std::free(hubs);
    hubs = nullptr;
    hub_count = 0;
}

} // namespace mr

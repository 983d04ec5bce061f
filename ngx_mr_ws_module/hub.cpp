#include "ngx_mr_ws_module/hub.h"

#include "ngx_mr_ws_module/lane_page.h"
#include "ngx_mr_ws_module/lane_reader.h"
#include "ngx_mr_ws_module/mailbox.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/session_owner.h"
#include "ngx_mr_ws_module/subscriber.h"
#include "shared/guard.h"
#include "shared/ids.h"
#include "shared/permissions.h"
#include "shared/scripts.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace mr {
namespace {

uint32_t partition_of(const Hub& hub, const Session& session) {
    return hub.partitions.partition_of(session.id_view());
}

// ---- set-up of the commands link

void adopt_partitions(Hub& hub, uint32_t count) {
    hub.partitions_known = true;
    if (count == hub.partitions.count()) {
        return;
    }
    SessionList<&Session::in_partition> all;
    for (auto& list : hub.by_partition) {
        while (Session* session = list.first()) {
            list.remove(*session);
            all.push(*session);
        }
    }
    hub.partitions = PartitionMap(count);
    while (Session* session = all.first()) {
        all.remove(*session);
        hub.by_partition[partition_of(hub, *session)].push(*session);
    }
}

void on_partitions(void* owner, uint64_t, const Reply* reply) noexcept {
    auto& hub = *static_cast<Hub*>(owner);
    if (reply == nullptr) {
        return;
    }
    const auto count = parse_decimal(reply->text());
    if (!count || *count == 0 || *count > kMaxPartitions) {
        hub.commands.fail({"mr:config has no usable number of partitions"}, reply->text());
    } else if (hub.partitions_known && *count != hub.partitions.count()) {
        hub.commands.fail({"mr:config has another number of partitions than before (reload nginx "
                           "and restart the workers if that is meant)"},
                          reply->text());
    } else {
        adopt_partitions(hub, static_cast<uint32_t>(*count));
    }
}

void on_schema(void* owner, uint64_t, const Reply* reply) noexcept {
    auto& hub = *static_cast<Hub*>(owner);
    if (reply != nullptr && parse_decimal(reply->text()) != kSchemaVersion) {
        hub.commands.fail({"holds data of another schema version"}, reply->text());
    }
}

void on_config_written(void* owner, uint64_t, const Reply* reply) noexcept {
    auto& hub = *static_cast<Hub*>(owner);
    if (reply != nullptr && reply->is_error()) {
        hub.commands.fail({"cannot be written to"}, reply->text());
    } else if (reply != nullptr && reply->integer() == 1 && hub.partitions_known) {
        readiness_data_gone(hub);
    }
}

void on_script(void* owner, uint64_t, const Reply* reply) noexcept {
    auto& hub = *static_cast<Hub*>(owner);
    hub.loading_script = false;
    if (reply == nullptr) {
        return;
    }
    if (reply->type() != ReplyType::string || reply->text().size() != kScriptHashChars) {
        hub.commands.fail({"refuses a script (Redis 7.0 or newer is needed)"}, reply->text());
        return;
    }
    std::memcpy(hub.mail_script, reply->text().data(), kScriptHashChars);
}

// "xadd, ssubscribe": what the user lacks.
void on_permissions(void* owner, uint64_t, const Reply* reply) noexcept {
    auto& hub = *static_cast<Hub*>(owner);
    if (reply == nullptr || (reply->type() == ReplyType::array && reply->size() == 0)) {
        return;
    }
    if (reply->is_error()) {
        hub.commands.fail({"does not let its user check what it may do (command eval)"},
                          reply->text());
        return;
    }
    char names[kMaxPermissions * 16];
    size_t length = 0;
    for (size_t i = 0; i < reply->size(); ++i) {
        const std::string_view name = (*reply)[i].text();
        if (length + name.size() + 2 <= sizeof(names)) {
            std::memcpy(names + length, length != 0 ? ", " : "", length != 0 ? 2 : 0);
            length += length != 0 ? 2 : 0;
            std::memcpy(names + length, name.data(), name.size());
            length += name.size();
        }
    }
    hub.commands.fail({"does not let its user run on keys or channels mr:*"}, {names, length});
}

void check_permissions(Hub& hub) {
    const auto wanted = gateway_permissions();
    std::string_view parts[3 + kMaxPermissions] = {"EVAL", kPermissionScript, "0"};
    std::copy(wanted.begin(), wanted.end(), parts + 3);
    hub.commands.setup({parts, 3 + wanted.size()}, {on_permissions, &hub});
}

void on_commands_prepare(void* owner) noexcept {
    auto& hub = *static_cast<Hub*>(owner);
    RedisLink& link = hub.commands;
    check_permissions(hub);
    char count[20];
    char schema[20];
    const std::string_view count_text{count, format_decimal(hub.partitions.count(), count)};
    const std::string_view schema_text{schema, format_decimal(kSchemaVersion, schema)};
    link.setup({"HSETNX", kConfigKey, kConfigPartitions, count_text}, {on_config_written, &hub});
    link.setup({"HSETNX", kConfigKey, kConfigSchema, schema_text}, {on_config_written, &hub});
    link.setup({"HGET", kConfigKey, kConfigSchema}, {on_schema, &hub});
    link.setup({"HGET", kConfigKey, kConfigPartitions}, {on_partitions, &hub});
    link.setup({"SCRIPT", "LOAD", kMailScript.text}, {on_script, &hub});
}

void on_commands_ready(void* owner) noexcept {
    auto& hub = *static_cast<Hub*>(owner);
    subscriber_resume(hub);
    readiness_commands_ready(hub);
    for (Session* session = hub.active.first(); session != nullptr;
         session = hub.active.next(*session)) {
        owner_ask_due(*session);
        mailbox_let_go(*session);
        lane_retry(*session);
    }
}

void on_commands_down(void* owner) noexcept {
    readiness_down(*static_cast<Hub*>(owner));
}

// ---- the tick

bool idle_too_long(const Session& session) {
    const uint32_t silence_ms = session_silence_ms(session);
    if (session.mail_unanswered != 0 || session.asked_at_ms != 0) {
        return false;
    }
    return silence_ms >= kTurnSilenceMaxMs ||
           (!session.running && session_busy(session) && silence_ms >= kAskedSilenceMaxMs);
}

// Once whenever the silence passes a multiple of the interval.
void check_position(Session& session) {
    const uint32_t silence_ms = session_silence_ms(session);
    const uint32_t every_ms =
        silence_ms >= kLongSilenceMs ? kPositionCheckSlowMs : kPositionCheckMs;
    if (silence_ms % every_ms < session.hub->tick_elapsed_ms && silence_ms >= every_ms &&
        !removed(Guard::position)) {
        lane_check(session);
    }
}

// False: nothing is left to watch.
bool watch_over(Session& session) {
    if (session.followers == nullptr) {
        return false;
    }
    owner_ask_due(session);
    mailbox_tick(session);
    lane_retry(session);
    lane_greet_without_redis(session);
    if (session.hub->tick_at_ms % kKeepLogEveryMs < session.hub->tick_elapsed_ms) {
        lane_keep_log(session);
    }
    if (session_busy(session)) {
        if (idle_too_long(session)) {
            session.running = session.asked = session.follow_up = false;
            session_note_idle(session);
        } else {
            check_position(session);
        }
    }
    return session_busy(session) || lane_unsettled(session) || !hub_is_set_up(*session.hub);
}

void on_tick(ngx_event_t* event) noexcept {
    auto& hub = *static_cast<Hub*>(event->data);
    const auto now_ms = static_cast<uint32_t>(ngx_current_msec);
    hub.tick_elapsed_ms = now_ms - hub.tick_at_ms;
    hub.tick_at_ms = now_ms;
    for (Session* session = hub.active.first(); session != nullptr;) {
        Session* next = hub.active.next(*session);
        if (!watch_over(*session)) {
            hub.active.remove(*session);
            session->active = false;
        }
        session = next;
    }
    if (hub.active.first() != nullptr) {
        ngx_add_timer(&hub.tick, kTickMs);
    }
}

} // namespace

Hub* hub_create(const RedisTarget& target, ngx_resolver_t* resolver, ngx_log_t* log) noexcept {
    void* memory = std::malloc(sizeof(Hub));
    if (memory == nullptr) {
        return nullptr;
    }
    Hub* hub = new (memory) Hub;
    hub->target = &target;
    hub->log = log;
    hub->tick.data = hub;
    hub->tick.log = log;
    hub->tick.handler = on_tick;
    hub->tick.cancelable = 1;
    if (!readiness_start(*hub)) {
        hub->~Hub();
        std::free(hub);
        return nullptr;
    }
    hub->commands.open(LinkKind::commands, target, resolver, log,
                       {hub, on_commands_prepare, on_commands_ready, on_commands_down, nullptr});
    hub->subscriptions.open(LinkKind::subscriptions, target, resolver, log,
                            {hub, nullptr, subscriber_ready, subscriber_down, subscriber_push});
    return hub;
}

void hub_destroy(Hub* hub) noexcept {
    if (hub->tick.timer_set) {
        ngx_del_timer(&hub->tick);
    }
    readiness_stop(*hub);
    hub->commands.shut();
    hub->subscriptions.shut();
    hub->~Hub();
    std::free(hub);
}

bool hub_is_down(const Hub& hub) noexcept {
    return hub.commands.is_down() || hub.subscriptions.is_down();
}

bool hub_is_set_up(const Hub& hub) noexcept {
    return hub.mail_script[0] != '\0'; // the last of what is asked
}

Session* hub_create_session(Hub& hub, std::string_view id) noexcept {
    Session* session = hub.sessions.create(id);
    if (session != nullptr) {
        session->hub = &hub;
        metric_add(Metric::sessions);
        session_heard(*session);
        hub.by_partition[partition_of(hub, *session)].push(*session);
    }
    return session;
}

void hub_release_session(Session& session) noexcept {
    if (session.followers != nullptr || session.references != 0) {
        return;
    }
    Hub& hub = *session.hub;
    if (session.active) {
        hub.active.remove(session);
    }
    hub.by_partition[partition_of(hub, session)].remove(session);
    hub.sessions.destroy(session);
    metric_take(Metric::sessions);
}

void hub_watch(Session& session) noexcept {
    if (session.active) {
        return;
    }
    Hub& hub = *session.hub;
    session.active = true;
    hub.active.push(session);
    if (!hub.tick.timer_set) {
        hub.tick_at_ms = static_cast<uint32_t>(ngx_current_msec);
        ngx_add_timer(&hub.tick, kTickMs);
    }
}

void hub_load_script(Hub& hub) noexcept {
    if (!hub.loading_script) {
        hub_complain(hub, "its scripts were flushed, loading them again", "mail refused meanwhile");
        hub.loading_script =
            hub.commands.send({"SCRIPT", "LOAD", kMailScript.text}, {on_script, &hub});
    }
}

void hub_complain(Hub& hub, const char* what, std::string_view detail) noexcept {
    if (hub.complained_at != 0 && ngx_current_msec - hub.complained_at < kComplaintMs) {
        ++hub.complaints_left_out;
        return;
    }
    const size_t shown = detail.size() < 160 ? detail.size() : 160;
    ngx_log_error(NGX_LOG_ERR, hub.log, 0, "mr_ws: redis %s: %s: %*s (%uD like it left out)",
                  hub.target->name, what, shown, detail.data(), hub.complaints_left_out);
    hub.complained_at = ngx_current_msec;
    hub.complaints_left_out = 0;
}

} // namespace mr

#include "ngx_mr_ws_module/readiness.h"

#include "ngx_mr_ws_module/hub.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/random.h"
#include "shared/ids.h"

#include <time.h>

namespace mr {
namespace {

bool passed(ngx_msec_t since, ngx_msec_t limit) {
    return static_cast<ngx_msec_int_t>(ngx_current_msec - since - limit) >= 0;
}

// 0 stands for "not set".
ngx_msec_t now() {
    return ngx_current_msec != 0 ? ngx_current_msec : 1;
}

bool is_fresh(const Readiness& readiness) {
    return readiness.heard != 0 && !passed(readiness.heard_at, kProbeFreshMs);
}

bool has_worker(const Readiness& readiness) {
    return !passed(readiness.lease_ends_at, 0);
}

// A moment without a link is not yet a trouble: what was asked meanwhile is held for the next one.
Trouble judge(const Hub& hub) {
    const Readiness& readiness = hub.readiness;
    if (readiness.refusal_chars != 0 && hub.commands.is_ready()) {
        return Trouble::writes_refused;
    }
    const bool fresh = is_fresh(readiness);
    if (fresh && !readiness.lease_known) {
        return readiness.noted; // the answer is under way
    }
    if (fresh && has_worker(readiness)) {
        return Trouble::none;
    }
    if (!hub.commands.is_ready() || !hub.subscriptions.is_ready()) {
        return Trouble::redis_down;
    }
    if (fresh) {
        return Trouble::no_worker;
    }
    const bool starts = readiness.heard == 0 && !passed(readiness.started_at, kStartGraceMs);
    return starts ? Trouble::starting : Trouble::no_delivery;
}

// ---- the log

// "its commands link is down (connect failed)" and the like, for the NOTICE line.
std::string_view describe(const Hub& hub, Trouble trouble, char (&text)[256]) {
    const Readiness& readiness = hub.readiness;
    auto* begin = reinterpret_cast<u_char*>(text);
    u_char* end = begin;
    const bool commands_down = !hub.commands.is_ready();
    const RedisLink& down = commands_down ? hub.commands : hub.subscriptions;
    switch (trouble) {
    case Trouble::none:
    case Trouble::starting:
        break;
    case Trouble::redis_down:
        end = ngx_snprintf(begin, sizeof(text), "the %s link is down: %s",
                           commands_down ? "commands" : "subscriptions", down.failure_text());
        break;
    case Trouble::writes_refused:
        end = ngx_snprintf(begin, sizeof(text), "it refuses to be written to: %*s",
                           size_t{readiness.refusal_chars}, readiness.refusal);
        break;
    case Trouble::no_delivery:
        end = ngx_snprintf(
            begin, sizeof(text), "what is published does not arrive here (nothing for %M ms)",
            ngx_current_msec - (readiness.heard != 0 ? readiness.heard_at : readiness.started_at));
        break;
    case Trouble::no_worker:
        end = ngx_snprintf(begin, sizeof(text), "no worker holds a lease");
        break;
    }
    return {text, static_cast<size_t>(end - begin)};
}

// One line when the process stops being ready and one when it is again; another cause meanwhile is
// said at a lower level.
void note(Hub& hub) {
    Readiness& readiness = hub.readiness;
    const Trouble trouble = judge(hub);
    if (trouble == readiness.noted || trouble == Trouble::starting) {
        return;
    }
    const bool first = readiness.noted == Trouble::starting;
    if (first && trouble != Trouble::none && !passed(readiness.started_at, kStartGraceMs)) {
        return;
    }
    char text[256];
    const std::string_view cause = describe(hub, trouble, text);
    if (trouble == Trouble::none) {
        if (!first) {
            ngx_log_error(NGX_LOG_NOTICE, hub.log, 0,
                          "mr_ws: redis %s: delivery works again after %M ms", hub.target->name,
                          ngx_current_msec - readiness.red_since);
        }
    } else {
        const bool already = !first && readiness.noted != Trouble::none;
        const ngx_uint_t level = already ? NGX_LOG_INFO : NGX_LOG_NOTICE;
        ngx_log_error(level, hub.log, 0, "mr_ws: redis %s: delivery is %sbroken: %*s",
                      hub.target->name, already ? "still " : "", cause.size(), cause.data());
        readiness.red_since = already ? readiness.red_since : ngx_current_msec;
    }
    readiness.noted = trouble;
}

// ---- the probe

// nginx's own clock stands still within a turn of the event loop.
uint64_t clock_us() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

void on_write(void* owner, uint64_t, const Reply* reply) noexcept {
    auto& hub = *static_cast<Hub*>(owner);
    Readiness& readiness = hub.readiness;
    if (reply == nullptr) {
        return;
    }
    if (!reply->is_error()) {
        if (reply->integer() == 1) {
            readiness_data_gone(hub);
        }
        readiness.refusal_chars = 0;
        return;
    }
    const std::string_view text = slice(reply->text(), 0, kMaxRefusalChars);
    std::memcpy(readiness.refusal, text.data(), text.size());
    readiness.refusal_chars = static_cast<uint8_t>(text.size());
    note(hub);
}

void on_lease(void* owner, uint64_t, const Reply* reply) noexcept {
    Readiness& readiness = static_cast<Hub*>(owner)->readiness;
    readiness.lease_deadline_ms = 0;
    if (reply != nullptr && reply->size() == 2) {
        readiness.lease_deadline_ms =
            static_cast<int64_t>(parse_decimal((*reply)[1].text()).value_or(0));
    }
}

// Behind the lease in the pipeline: what is left of it by Redis's own clock.
void on_time(void* owner, uint64_t, const Reply* reply) noexcept {
    auto& hub = *static_cast<Hub*>(owner);
    if (reply == nullptr || reply->size() != 2) {
        return;
    }
    const auto seconds = parse_decimal((*reply)[0].text()).value_or(0);
    const auto micros = parse_decimal((*reply)[1].text()).value_or(0);
    const auto redis_ms = static_cast<int64_t>(seconds * 1000 + micros / 1000);
    const int64_t left_ms = hub.readiness.lease_deadline_ms - redis_ms;
    const auto limit = static_cast<int64_t>(kMaxLeaseMs);
    hub.readiness.lease_known = true;
    hub.readiness.lease_ends_at =
        ngx_current_msec + static_cast<ngx_msec_t>(left_ms < 0       ? 0
                                                   : left_ms > limit ? limit
                                                                     : left_ms);
    note(hub);
}

void on_published(void* owner, uint64_t number, const Reply* reply) noexcept {
    auto& hub = *static_cast<Hub*>(owner);
    Readiness& readiness = hub.readiness;
    if (reply == nullptr) {
        return;
    }
    if (reply->is_error()) {
        hub_complain(hub, "probe refused", reply->text());
        return;
    }
    if (readiness.heard < number && readiness.unheard_since == 0 && readiness.confirmed) {
        readiness.unheard_since = now();
    }
}

void publish(Hub& hub) {
    Readiness& readiness = hub.readiness;
    if (readiness.channel.length == 0) {
        return;
    }
    char number[20];
    const std::string_view text{number, format_decimal(++readiness.sent, number)};
    readiness.sent_at_us = clock_us();
    hub.commands.send({"SPUBLISH", readiness.channel.view(), text},
                      {on_published, &hub, readiness.sent});
}

void send_probe(Hub& hub) {
    if (!hub.commands.is_ready() || !hub.partitions_known) {
        return;
    }
    char count[20];
    const uint32_t partitions = hub.partitions.count();
    const std::string_view count_text{count, format_decimal(partitions, count)};
    const KeyText leases = lease_key(hub.partitions.tag(hub.readiness.sent % partitions));
    // Writes nothing (the field is there), and is refused like everything that writes.
    hub.commands.send({"HSETNX", kConfigKey, kConfigPartitions, count_text}, {on_write, &hub});
    hub.commands.send({"ZRANGE", leases.view(), "0", "0", "REV", "WITHSCORES"}, {on_lease, &hub});
    hub.commands.send({"TIME"}, {on_time, &hub});
    publish(hub);
}

// ---- a link that is connected and delivers nothing

void judge_subscriptions(Hub& hub, bool late) {
    Readiness& readiness = hub.readiness;
    if (!hub.subscriptions.is_ready()) {
        return;
    }
    if (late) { // this process was stopped: what has arrived meanwhile is still to be read
        if (readiness.unheard_since != 0) {
            readiness.unheard_since = now();
        }
        readiness.confirmed_at = now();
        return;
    }
    if (readiness.unheard_since != 0 && passed(readiness.unheard_since, kProbeLostMs)) {
        hub.subscriptions.fail(
            {"is connected, but delivers nothing that is published on the commands link"});
        return;
    }
    const bool awaited =
        hub.unconfirmed != 0 || (readiness.subscribed_at != 0 && !readiness.confirmed);
    if (awaited && passed(readiness.confirmed_at, kConfirmMs)) {
        hub.subscriptions.fail({"is connected, but does not confirm subscriptions"});
    }
}

void on_timer(ngx_event_t* event) noexcept {
    auto& hub = *static_cast<Hub*>(event->data);
    Readiness& readiness = hub.readiness;
    judge_subscriptions(hub, passed(readiness.due_at, kProbeEveryMs));
    send_probe(hub);
    note(hub);
    readiness.due_at = ngx_current_msec + kProbeEveryMs;
    ngx_add_timer(&readiness.timer, kProbeEveryMs);
}

// At the next turn of the event loop.
void probe_now(Hub& hub) {
    hub.readiness.due_at = ngx_current_msec;
    ngx_add_timer(&hub.readiness.timer, 1);
}

} // namespace

std::string_view trouble_word(Trouble trouble) noexcept {
    switch (trouble) {
    case Trouble::none:
        return "none";
    case Trouble::starting:
        return "starting";
    case Trouble::redis_down:
        return "redis_down";
    case Trouble::writes_refused:
        return "writes_refused";
    case Trouble::no_delivery:
        return "no_delivery";
    case Trouble::no_worker:
        return "no_worker";
    }
    return "unknown";
}

bool readiness_start(Hub& hub) noexcept {
    Readiness& readiness = hub.readiness;
    uint8_t random[8];
    if (!random_bytes(random)) {
        return false;
    }
    static_assert(sizeof(readiness.nonce) == 2 * sizeof(random));
    ngx_hex_dump(reinterpret_cast<u_char*>(readiness.nonce), random, sizeof(random));
    readiness.started_at = now();
    readiness.timer.data = &hub;
    readiness.timer.log = hub.log;
    readiness.timer.handler = on_timer;
    readiness.timer.cancelable = 1; // never keeps a process that is quitting
    probe_now(hub);
    return true;
}

void readiness_stop(Hub& hub) noexcept {
    if (hub.readiness.timer.timer_set) {
        ngx_del_timer(&hub.readiness.timer);
    }
}

Trouble readiness_check(Hub& hub) noexcept {
    note(hub);
    return judge(hub);
}

void readiness_commands_ready(Hub& hub) noexcept {
    hub.readiness.refusal_chars = 0;
    hub.readiness.lease_known = false; // it may be another Redis, or an empty one
    probe_now(hub);
}

void readiness_down(Hub& hub) noexcept {
    note(hub);
}

void readiness_data_gone(Hub& hub) noexcept {
    Readiness& readiness = hub.readiness;
    if (readiness.data_gone_at != 0 && !passed(readiness.data_gone_at, kProbeEveryMs)) {
        return; // both fields of it
    }
    readiness.data_gone_at = now();
    ngx_log_error(NGX_LOG_WARN, hub.log, 0,
                  "mr_ws: redis %s: its data is gone (mr:config was missing): running answers are "
                  "told anew or ended, sessions go on",
                  hub.target->name);
}

void readiness_subscribe(Hub& hub) noexcept {
    Readiness& readiness = hub.readiness;
    if (readiness.subscribed_at != 0) {
        return;
    }
    readiness.channel =
        probe_channel(hub.partitions.tag(0), {readiness.nonce, sizeof(readiness.nonce)});
    const std::string_view parts[] = {"SSUBSCRIBE", readiness.channel.view()};
    if (hub.subscriptions.send_push(parts)) {
        readiness.subscribed_at = readiness.confirmed_at = now();
    } else if (hub.subscriptions.is_ready()) {
        hub.subscriptions.fail({"cannot take a subscription"});
    }
}

void readiness_subscriptions_down(Hub& hub) noexcept {
    Readiness& readiness = hub.readiness;
    readiness.subscribed_at = 0;
    readiness.unheard_since = 0;
    readiness.confirmed = false;
    note(hub);
}

void readiness_push(Hub& hub, std::string_view kind, std::string_view payload) noexcept {
    Readiness& readiness = hub.readiness;
    if (kind == "ssubscribe") {
        readiness.confirmed = true;
        publish(hub);
    } else if (kind == "sunsubscribe") { // unasked: the slot has moved away
        readiness_subscriptions_down(hub);
        readiness_subscribe(hub);
    } else if (kind == "smessage") {
        const uint64_t number = parse_decimal(payload).value_or(0);
        if (number == readiness.sent && number > readiness.heard) {
            metric_add(Metric::redis_probe_microseconds, clock_us() - readiness.sent_at_us);
            metric_add(Metric::redis_probes);
        }
        readiness.heard = number > readiness.heard ? number : readiness.heard;
        readiness.heard_at = ngx_current_msec;
        readiness.unheard_since = 0;
        note(hub);
    }
}

} // namespace mr

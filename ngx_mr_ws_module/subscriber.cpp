#include "ngx_mr_ws_module/subscriber.h"

#include "ngx_mr_ws_module/lane_reader.h"
#include "shared/bytes.h"

namespace mr {
namespace {

KeyText channel_of(const Session& session) {
    const PartitionMap& map = session.hub->partitions;
    return out_channel_key(map.tag(map.partition_of(session.id_view())), session.id_view());
}

bool can_subscribe(const Hub& hub) {
    return hub.subscriptions.is_ready() && hub.partitions_known;
}

// One command with the sessions of one partition that wait; 0: there are none.
uint32_t subscribe_some(Hub& hub, const SessionList<&Session::in_partition>& list, bool busy_only) {
    static KeyText channels[kChannelsPerCommand];
    static std::string_view parts[kChannelsPerCommand + 1];
    uint32_t count = 0;
    parts[0] = "SSUBSCRIBE";
    for (Session* session = list.first(); session != nullptr && count < kChannelsPerCommand;
         session = list.next(*session)) {
        if (session->subscription != Subscription::none || session->followers == nullptr ||
            (busy_only && !session_busy(*session) && !lane_unsettled(*session))) {
            continue;
        }
        channels[count] = channel_of(*session);
        parts[count + 1] = channels[count].view();
        session->subscription = Subscription::sent;
        ++count;
    }
    if (count != 0 && !hub.subscriptions.send_push({parts, count + 1})) {
        hub.subscriptions.fail({"cannot take the subscriptions"});
        return 0;
    }
    return count;
}

void subscribe_next(Hub& hub) {
    if (!can_subscribe(hub) || hub.unconfirmed != 0) {
        return;
    }
    for (const bool busy_only : {true, false}) {
        for (uint32_t i = 0; i < hub.partitions.count(); ++i) {
            hub.unconfirmed = subscribe_some(hub, hub.by_partition[i], busy_only);
            if (hub.unconfirmed != 0 || !can_subscribe(hub)) {
                hub.readiness.confirmed_at = ngx_current_msec;
                return;
            }
        }
    }
    readiness_subscribe(hub);
}

void confirmed(Hub& hub, std::string_view channel) {
    Session* session = hub.sessions.find(session_of_key(channel));
    if (session != nullptr && session->subscription == Subscription::sent) {
        session->subscription = Subscription::live;
        lane_subscribed(*session);
    }
    hub.readiness.confirmed_at = ngx_current_msec;
    if (hub.unconfirmed != 0 && --hub.unconfirmed == 0) {
        subscribe_next(hub);
    }
}

// An answer to our own request finds the session gone or subscribed anew. Redis Cluster also sends
// it unasked when the slot moves away.
void ended(Hub& hub, std::string_view channel) {
    Session* session = hub.sessions.find(session_of_key(channel));
    if (session != nullptr && session->subscription == Subscription::live) {
        session->subscription = Subscription::none;
        subscriber_follow(*session);
    }
}

} // namespace

void subscriber_follow(Session& session) noexcept {
    Hub& hub = *session.hub;
    if (!can_subscribe(hub)) {
        return; // subscribe_next finds it
    }
    const KeyText channel = channel_of(session);
    const std::string_view parts[] = {"SSUBSCRIBE", channel.view()};
    if (hub.subscriptions.send_push(parts)) {
        session.subscription = Subscription::sent;
    } else {
        hub.subscriptions.fail({"cannot take a subscription"});
    }
}

void subscriber_leave(Session& session) noexcept {
    Hub& hub = *session.hub;
    if (session.subscription != Subscription::none && hub.subscriptions.is_ready()) {
        const KeyText channel = channel_of(session);
        const std::string_view parts[] = {"SUNSUBSCRIBE", channel.view()};
        if (!hub.subscriptions.send_push(parts)) {
            hub.subscriptions.fail({"cannot take the end of a subscription"});
        }
    }
    session.subscription = Subscription::none;
}

void subscriber_resume(Hub& hub) noexcept {
    subscribe_next(hub);
}

void subscriber_ready(void* owner) noexcept {
    auto& hub = *static_cast<Hub*>(owner);
    hub.unconfirmed = 0;
    subscribe_next(hub);
}

void subscriber_down(void* owner) noexcept {
    auto& hub = *static_cast<Hub*>(owner);
    hub.unconfirmed = 0;
    readiness_subscriptions_down(hub);
    for (uint32_t i = 0; i < hub.partitions.count(); ++i) {
        const auto& list = hub.by_partition[i];
        for (Session* session = list.first(); session != nullptr; session = list.next(*session)) {
            session->subscription = Subscription::none;
        }
    }
}

void subscriber_push(void* owner, const Reply& reply) noexcept {
    auto& hub = *static_cast<Hub*>(owner);
    if (reply.is_error()) {
        hub.subscriptions.fail({"refuses a subscription"}, reply.text());
        return;
    }
    if (reply.size() < 3) {
        return;
    }
    const std::string_view kind = reply[0].text();
    const std::string_view channel = reply[1].text();
    if (channel == hub.readiness.channel.view()) {
        readiness_push(hub, kind, reply[2].text());
    } else if (kind == "smessage") {
        if (Session* session = hub.sessions.find(session_of_key(channel))) {
            lane_publication(*session, as_bytes(reply[2].text()));
        }
    } else if (kind == "ssubscribe") {
        confirmed(hub, channel);
    } else if (kind == "sunsubscribe") {
        ended(hub, channel);
    }
}

} // namespace mr

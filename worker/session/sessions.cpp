#include "worker/session/sessions.h"

#include "worker/log.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

namespace mr {

namespace asio = boost::asio;

std::shared_ptr<Sessions> Sessions::make(Relay& relay, std::map<std::string, AppFactory> apps) {
    return std::shared_ptr<Sessions>(new Sessions(relay, std::move(apps)));
}

Sessions::Sessions(Relay& relay, std::map<std::string, AppFactory> apps)
    : relay_(relay), apps_(std::move(apps)), changed_(relay.executor) {}

size_t Sessions::free() const {
    return actors_.size() < relay_.limits.max_sessions ? relay_.limits.max_sessions - actors_.size()
                                                       : 0;
}

bool Sessions::knows_entry(std::string_view session_id, std::string_view entry_id) const {
    const auto found = actors_.find(std::string(session_id));
    if (found == actors_.end()) {
        return false;
    }
    if (found->second->bell().entry_id == entry_id) {
        return true;
    }
    for (const Doorbell& bell : found->second->later) {
        if (bell.entry_id == entry_id) {
            return true;
        }
    }
    return false;
}

void Sessions::ring(Doorbell bell) {
    if (draining_) {
        return; // pending under our name until the lease is given up: then a peer takes it
    }
    const auto factory = apps_.find(bell.app);
    if (!session_id_valid(bell.session_id) || factory == apps_.end()) {
        refuse(bell, factory == apps_.end() ? "unknown app" : "malformed session id");
        return;
    }
    if (knows_entry(bell.session_id, bell.entry_id)) {
        return;
    }
    const auto found = actors_.find(bell.session_id);
    if (found != actors_.end()) {
        found->second->later.push_back(std::move(bell));
        return;
    }
    const std::string session_id = bell.session_id;
    auto actor = Actor::make(relay_, std::move(bell), factory->second);
    actors_.emplace(session_id, actor);
    auto self = shared_from_this();
    asio::co_spawn(relay_.executor, [self, actor] { return self->attend(actor); }, asio::detached);
}

asio::awaitable<void> Sessions::attend(std::shared_ptr<Actor> actor) {
    auto self = shared_from_this();
    co_await actor->run();
    ended(actor);
}

void Sessions::ended(const std::shared_ptr<Actor>& actor) {
    actors_.erase(actor->bell().session_id);
    std::vector<Doorbell> later = std::move(actor->later);
    for (Doorbell& bell : later) {
        ring(std::move(bell));
    }
    changed_.notify();
    if (on_free) {
        on_free();
    }
}

// A doorbell that no worker of this deployment can answer: kept in the dead-letter stream.
void Sessions::refuse(const Doorbell& bell, std::string_view reason) {
    log::error("doorbell refused",
               {{"session", bell.session_id}, {"app", bell.app}, {"cause", reason}});
    const std::string_view tag = relay_.partitions.tag(bell.partition);
    const KeyText jobs = jobs_key(tag);
    const KeyText dead = dead_key(tag);
    const std::string_view keep[] = {"XADD",  dead.view(),   "MAXLEN",        "~",   "10000",
                                     "*",     "sid",         bell.session_id, "app", bell.app,
                                     "entry", bell.entry_id, "reason",        reason};
    const std::string_view ack[] = {"XACK", jobs.view(), kJobGroup, bell.entry_id};
    const std::string_view del[] = {"XDEL", jobs.view(), bell.entry_id};
    relay_.commands->send(keep, {});
    relay_.commands->send(ack, {});
    relay_.commands->send(del, {});
}

void Sessions::drop_all() {
    for (const auto& entry : actors_) {
        entry.second->later.clear();
        entry.second->request_stop(Actor::Stop::gone);
    }
}

void Sessions::hurry() {
    hurried_ = true;
    changed_.notify();
}

asio::awaitable<void> Sessions::drain(std::chrono::milliseconds patience) {
    draining_ = true;
    for (const auto& entry : actors_) {
        entry.second->hurry();
    }
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!actors_.empty() && !hurried_) {
        const auto left = end - std::chrono::steady_clock::now();
        if (left <= std::chrono::steady_clock::duration::zero()) {
            break;
        }
        co_await changed_.wait_for(left);
    }
    if (actors_.empty()) {
        co_return;
    }
    log::info("handing sessions over", {{"sessions", actors_.size()}});
    for (const auto& entry : actors_) {
        entry.second->request_stop(Actor::Stop::handover);
    }
    const auto last = std::chrono::steady_clock::now() + relay_.limits.lease;
    while (!actors_.empty() && std::chrono::steady_clock::now() < last) {
        co_await changed_.wait_for(last - std::chrono::steady_clock::now());
    }
}

} // namespace mr

#include "worker/session/lease.h"

#include "shared/guard.h"
#include "worker/metrics/meters.h"
#include "worker/random.h"
#include "worker/redis/scripts.h"

#include <unistd.h>

#include <algorithm>

namespace mr {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {
constexpr int kRenewalsPerLease = 5;
constexpr milliseconds kRetry{100};
} // namespace

Lease::Lease(std::shared_ptr<redis::Connection> commands, const PartitionMap& partitions,
             std::string name, milliseconds duration)
    : commands_(std::move(commands)), partitions_(partitions), name_(std::move(name)),
      duration_(duration) {
    commands_->on_change([cut = cut_](bool ready) { *cut = *cut || !ready; });
    new_incarnation();
}

bool Lease::valid() const {
    const bool taken = deadline_ != Clock::time_point{};
    return Clock::now() < deadline_ || (taken && removed(Guard::fencing));
}

void Lease::new_incarnation() {
    worker_ = name_ + "-" + std::to_string(getpid()) + "-" + random_hex(4);
}

// True: held in all partitions, until `duration` after the moment the question was asked.
asio::awaitable<bool> Lease::renew(bool first) {
    redis::Commands commands;
    for (uint32_t i = 0; i < partitions_.count(); ++i) {
        redis::ScriptCall call(kLeaseScript);
        call.add(lease_key(partitions_.tag(i)).view()).add(worker_);
        call.add(static_cast<uint64_t>(duration_.count())).add(first ? "1" : "0");
        call.append_to(commands);
    }
    const Clock::time_point asked = Clock::now();
    Clock::duration limit = redis::kCommandTimeout;
    if (!first) {
        limit = std::clamp<Clock::duration>(deadline_ - asked, milliseconds(1), limit);
    }
    bool unknown_script = false;
    try {
        std::vector<redis::Value> replies = co_await commands_->run_all(commands, limit);
        for (const redis::Value& reply : replies) {
            unknown_script = unknown_script || reply.error_is("NOSCRIPT");
            if (reply.type == ReplyType::integer && reply.integer == 0) {
                refused_ = true;
                co_return false;
            }
            if (reply.type != ReplyType::integer && !unknown_script) {
                if (complaint_.due(reply.text)) {
                    log::warn("lease not renewed", {{"cause", reply.text}});
                }
                co_return false;
            }
        }
    } catch (const redis::Error& error) {
        log::debug("lease not renewed", {{"cause", error.what()}});
        co_return false;
    }
    if (unknown_script) {
        const std::string_view load[] = {"SCRIPT", "LOAD", kLeaseScript.text};
        commands_->send(load, {});
        co_return false;
    }
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - asked);
    if (took > duration_ / kRenewalsPerLease) {
        log::warn("lease renewed slowly",
                  {{"ms", took.count()}, {"pending", commands_->pending()}});
    }
    // Once it has passed by our own clock, sessions may have acted on that: too late for a renewal.
    if (!first && !valid()) {
        co_return false;
    }
    deadline_ = asked + duration_ - std::min(kLeaseMargin, duration_ / 4);
    *cut_ = false;
    complaint_.clear();
    co_return true;
}

asio::awaitable<void> Lease::run(asio::any_io_executor executor) {
    stop_ = std::make_unique<Signal>(executor);
    while (!given_up_) {
        const bool renewed = co_await renew(!held_);
        if (given_up_) {
            break;
        }
        if (renewed && !held_) {
            held_ = true;
            log::set_worker(worker_);
            log::info("lease taken", {{"partitions", partitions_.count()}});
            if (on_taken) {
                on_taken();
            }
        } else if (held_ && refused_) {
            lapse("refused by redis");
        } else if (held_ && !valid()) {
            lapse("not renewed in time");
        }
        refused_ = false;
        const milliseconds pause = renewed ? duration_ / kRenewalsPerLease : kRetry;
        co_await stop_->wait_for(pause);
    }
}

void Lease::lapse(std::string_view cause) {
    if (removed(Guard::fencing)) {
        held_ = false; // taken again under the same name, as if nothing had happened
        return;
    }
    log::error("lease lapsed: dropping every session", {{"cause", cause}, {"redis_away", *cut_}});
    metrics::meters().lease_lapses.at({}).add();
    lapsed_without_fault_ = *cut_;
    deadline_ = {};
    held_ = false;
    if (on_lapse) {
        on_lapse();
    }
    remove_from_redis();
    new_incarnation();
}

void Lease::remove_from_redis() {
    for (uint32_t i = 0; i < partitions_.count(); ++i) {
        const KeyText key = lease_key(partitions_.tag(i));
        const std::string_view command[] = {"ZREM", key.view(), worker_};
        commands_->send(command, {});
    }
}

asio::awaitable<void> Lease::give_up() {
    given_up_ = true;
    if (stop_) {
        stop_->notify();
    }
    deadline_ = {};
    held_ = false;
    redis::Commands commands;
    for (uint32_t i = 0; i < partitions_.count(); ++i) {
        const KeyText key = lease_key(partitions_.tag(i));
        const std::string_view command[] = {"ZREM", key.view(), worker_};
        commands.add(command);
    }
    try {
        co_await commands_->run_all(commands);
    } catch (const redis::Error& error) {
        log::warn("lease not given up, peers wait for its end", {{"cause", error.what()}});
    }
}

} // namespace mr

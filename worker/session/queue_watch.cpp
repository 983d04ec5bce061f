#include "worker/session/queue_watch.h"

#include "shared/ids.h"
#include "worker/log.h"
#include "worker/metrics/meters.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <string>
#include <vector>

namespace mr {

namespace asio = boost::asio;

namespace {

int64_t number_of(const redis::Value& value) {
    return static_cast<int64_t>(parse_decimal(value.text).value_or(0));
}

// Milliseconds of a stream's id.
int64_t time_of(std::string_view id) {
    return static_cast<int64_t>(parse_decimal(id.substr(0, id.find('-'))).value_or(0));
}

struct Waiting {
    uint32_t partition = 0;
    std::string behind; // the first that waits has a higher id
};

} // namespace

std::shared_ptr<QueueWatch> QueueWatch::make(Relay& relay) {
    return std::shared_ptr<QueueWatch>(new QueueWatch(relay));
}

void QueueWatch::start() {
    auto self = shared_from_this();
    asio::co_spawn(relay_.executor, [self] { return self->run(); }, asio::detached);
}

void QueueWatch::stop() {
    stopped_ = true;
    pause_.notify();
}

asio::awaitable<void> QueueWatch::run() {
    auto self = shared_from_this();
    while (!stopped_) {
        try {
            co_await look();
        } catch (const redis::Error& error) {
            log::debug("waiting doorbells not counted", {{"cause", error.what()}});
        }
        if (!stopped_) {
            co_await pause_.wait_for(kQueueLook);
        }
    }
}

// Entries that have been dealt with are deleted: what is in a stream and not pending waits, behind
// the last one that is pending.
asio::awaitable<void> QueueWatch::look() {
    const uint32_t count = relay_.partitions.count();
    redis::Commands commands;
    commands.add({"TIME"});
    for (uint32_t i = 0; i < count; ++i) {
        const KeyText jobs = jobs_key(relay_.partitions.tag(i));
        commands.add({"XLEN", jobs.view()});
        commands.add({"XPENDING", jobs.view(), kJobGroup});
    }
    const std::vector<redis::Value> replies = co_await relay_.commands->run_all(commands);
    const int64_t now = number_of(replies[0].at(0)) * 1000 + number_of(replies[0].at(1)) / 1000;
    int64_t waiting = 0;
    std::vector<Waiting> found;
    for (uint32_t i = 0; i < count; ++i) {
        const redis::Value& pending = replies[2 + 2 * i];
        const int64_t here = replies[1 + 2 * i].integer - pending.at(0).integer;
        if (here > 0) {
            waiting += here;
            found.push_back({i, pending.at(2).text.empty() ? "-" : "(" + pending.at(2).text});
        }
    }
    int64_t oldest_ms = 0;
    if (!found.empty()) {
        redis::Commands first;
        for (const Waiting& one : found) {
            const KeyText jobs = jobs_key(relay_.partitions.tag(one.partition));
            first.add({"XRANGE", jobs.view(), one.behind, "+", "COUNT", "1"});
        }
        const std::vector<redis::Value> entries = co_await relay_.commands->run_all(first);
        for (const redis::Value& entry : entries) {
            const std::string& id = entry.at(0).at(0).text;
            oldest_ms = id.empty() ? oldest_ms : std::max(oldest_ms, now - time_of(id));
        }
    }
    metrics::Meters& meters = metrics::meters();
    meters.doorbells_waiting.at({}).set(static_cast<double>(waiting));
    meters.doorbells_oldest.at({}).set(static_cast<double>(oldest_ms) / 1000);
}

} // namespace mr

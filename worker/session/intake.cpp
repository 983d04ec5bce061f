#include "worker/session/intake.h"

#include "worker/log.h"
#include "worker/metrics/meters.h"
#include "worker/random.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

namespace mr {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {
constexpr milliseconds kPause{100};        // after a failure, and while there is no free slot
constexpr size_t kOwnPendingPerRead = 500; // per partition
constexpr unsigned kRoundsPerOwnPending = 10;
} // namespace

std::shared_ptr<Intake> Intake::make(Relay& relay, std::shared_ptr<redis::Connection> jobs,
                                     std::shared_ptr<Sessions> sessions) {
    auto intake = std::shared_ptr<Intake>(new Intake(relay, std::move(jobs), std::move(sessions)));
    auto forget = [weak = std::weak_ptr<Intake>(intake)](bool ready) {
        const auto self = weak.lock();
        if (!ready && self != nullptr) {
            self->pending_of_.clear();
        }
    };
    intake->jobs_->on_change(forget);
    relay.commands->on_change(forget);
    return intake;
}

Intake::Intake(Relay& relay, std::shared_ptr<redis::Connection> jobs,
               std::shared_ptr<Sessions> sessions)
    : relay_(relay), jobs_(std::move(jobs)), sessions_(std::move(sessions)), free_(relay.executor),
      reap_pause_(relay.executor) {}

asio::awaitable<void> Intake::create_groups() {
    redis::Commands commands;
    for (uint32_t i = 0; i < relay_.partitions.count(); ++i) {
        const KeyText jobs = jobs_key(relay_.partitions.tag(i));
        const std::string_view create[] = {"XGROUP",  "CREATE", jobs.view(),
                                           kJobGroup, "0",      "MKSTREAM"};
        commands.add(create);
    }
    std::vector<redis::Value> replies = co_await relay_.commands->run_all(commands);
    for (const redis::Value& reply : replies) {
        if (reply.is_error() && !reply.error_is("BUSYGROUP")) {
            throw redis::Error(reply.text);
        }
    }
    groups_missing_ = false;
}

void Intake::start() {
    auto self = shared_from_this();
    asio::co_spawn(relay_.executor, [self] { return self->read_loop(); }, asio::detached);
    asio::co_spawn(relay_.executor, [self] { return self->reap_loop(); }, asio::detached);
}

void Intake::stop() {
    stopped_ = true;
    quiet();
    reap_pause_.notify();
}

void Intake::quiet() {
    quiet_ = true;
    free_.notify();
}

asio::awaitable<void> Intake::read_loop() {
    auto self = shared_from_this();
    while (!stopped_) {
        const bool ready = relay_.lease.valid() && jobs_->ready() && relay_.commands->ready();
        if (quiet_ || !ready || sessions_->free() == 0) {
            co_await free_.wait_for(kPause);
            continue;
        }
        bool good = false;
        try {
            if (groups_missing_) {
                co_await create_groups();
            }
            if (pending_of_ == relay_.lease.worker()) {
                good = co_await read_new();
            } else {
                good = co_await read_pending();
            }
        } catch (const redis::Error& error) {
            if (error.failure() == redis::Failure::none) { // the link tells of its own failures
                refused(error.what());
            }
        }
        if (!good) {
            co_await free_.wait_for(kPause);
        }
    }
}

// Waits until what was taken on has been turned over: a short sleep that ends in time.
asio::awaitable<void> Intake::catch_breath() {
    const auto start = std::chrono::steady_clock::now();
    late_ = true;
    while (late_ && std::chrono::steady_clock::now() - start < kMaxLatePause) {
        const auto before = std::chrono::steady_clock::now();
        co_await sleep_for(kLagProbe);
        late_ = std::chrono::steady_clock::now() - before > kLagProbe + kMaxLoopLag;
    }
}

redis::Commands Intake::read_command(bool pending) const {
    const size_t count = pending ? kOwnPendingPerRead
                                 : std::clamp<size_t>(sessions_->free(), 1, kMaxDoorbellsPerRead);
    const std::string count_text = std::to_string(count);
    const std::string block = std::to_string(kJobsBlock.count());
    std::vector<std::string_view> parts = {"XREADGROUP",          "GROUP", kJobGroup,
                                           relay_.lease.worker(), "COUNT", count_text};
    if (!pending) {
        parts.insert(parts.end(), {"BLOCK", block});
    }
    parts.push_back("STREAMS");
    std::vector<KeyText> keys;
    for (uint32_t i = 0; i < relay_.partitions.count(); ++i) {
        keys.push_back(jobs_key(relay_.partitions.tag(i)));
    }
    for (const KeyText& key : keys) {
        parts.push_back(key.view());
    }
    parts.insert(parts.end(), keys.size(), pending ? "0" : ">");
    redis::Commands command;
    command.add(parts);
    return command;
}

asio::awaitable<bool> Intake::read_new() {
    const redis::Commands command = read_command(false);
    const redis::Value reply = co_await jobs_->run(command, kJobsBlock + redis::kCommandTimeout);
    if (reply.is_error()) {
        groups_missing_ = groups_missing_ || reply.error_is("NOGROUP");
        refused(reply.text);
        co_return false;
    }
    complaint_.clear();
    const size_t taken = take_streams(reply, false);
    if (taken > 0) {
        co_await catch_breath();
    }
    co_return true;
}

// What this incarnation has been given already: a reply that got lost, or doorbells in hand.
asio::awaitable<bool> Intake::read_pending() {
    const std::string worker = relay_.lease.worker();
    pending_of_ = worker;
    const redis::Commands command = read_command(true);
    const redis::Value reply = co_await jobs_->run(command);
    if (reply.is_error()) {
        pending_of_.clear();
        groups_missing_ = groups_missing_ || reply.error_is("NOGROUP");
        refused(reply.text);
        co_return false;
    }
    take_streams(reply, true);
    co_return true;
}

void Intake::refused(std::string_view cause) {
    if (complaint_.due(cause)) {
        log::warn("doorbells not read", {{"cause", cause}});
    }
}

size_t Intake::take_streams(const redis::Value& reply, bool pending) {
    size_t taken = 0;
    for (const redis::Value& stream : reply.elements) {
        uint32_t partition = 0;
        while (partition < relay_.partitions.count() &&
               jobs_key(relay_.partitions.tag(partition)).view() != stream.at(0).text) {
            ++partition;
        }
        if (pending && stream.at(1).elements.size() == kOwnPendingPerRead) {
            log::warn("more doorbells pending than are read at a time", {{"partition", partition}});
        }
        for (const redis::Value& entry : stream.at(1).elements) {
            take_entry(partition, entry);
            ++taken;
        }
    }
    return taken;
}

void Intake::take_entry(uint32_t partition, const redis::Value& entry) {
    Doorbell bell;
    bell.partition = partition;
    bell.entry_id = entry.at(0).text;
    const std::vector<redis::Value>& fields = entry.at(1).elements;
    for (size_t i = 0; i + 1 < fields.size(); i += 2) {
        const std::string& name = fields[i].text;
        const std::string& value = fields[i + 1].text;
        if (name == "sid") {
            bell.session_id = value;
        } else if (name == "app") {
            bell.app = value;
        } else if (name == "traceparent") {
            bell.traceparent = value;
        } else if (name == "t") {
            bell.rung_at_ms = static_cast<int64_t>(parse_decimal(value).value_or(0));
        }
    }
    if (fields.empty()) {
        const KeyText jobs = jobs_key(relay_.partitions.tag(partition)); // deleted meanwhile
        const std::string_view ack[] = {"XACK", jobs.view(), kJobGroup, bell.entry_id};
        relay_.commands->send(ack, {});
    } else if (quiet_) {
        hand_back(bell);
    } else {
        sessions_->ring(std::move(bell));
    }
}

// Rings again for everybody. A second doorbell for the same session does no harm: claims are
// idempotent.
void Intake::hand_back(const Doorbell& bell) {
    const KeyText jobs = jobs_key(relay_.partitions.tag(bell.partition));
    const std::string rung = std::to_string(bell.rung_at_ms);
    const std::string_view ring[] = {"XADD",           jobs.view(), "*",      "sid",
                                     bell.session_id,  "app",       bell.app, "traceparent",
                                     bell.traceparent, "t",         rung};
    const std::string_view ack[] = {"XACK", jobs.view(), kJobGroup, bell.entry_id};
    const std::string_view del[] = {"XDEL", jobs.view(), bell.entry_id};
    relay_.commands->send(ring, {});
    relay_.commands->send(ack, {});
    relay_.commands->send(del, {});
}

asio::awaitable<void> Intake::reap_loop() {
    auto self = shared_from_this();
    unsigned rounds = 0;
    while (!stopped_) {
        const int64_t base = relay_.limits.lease.count() / 5;
        const int64_t jitter = static_cast<int64_t>(random_u32()) % (base + 1);
        co_await reap_pause_.wait_for(milliseconds(base / 2 + jitter));
        const bool ready = relay_.lease.valid() && sessions_->free() > 0;
        if (stopped_ || quiet_ || !ready || late_) {
            continue;
        }
        if (++rounds % kRoundsPerOwnPending == 0) {
            pending_of_.clear(); // a doorbell in hand that nobody attends any more is found again
        }
        try {
            co_await reap();
        } catch (const redis::Error& error) {
            log::debug("pending doorbells not looked at", {{"cause", error.what()}});
        }
    }
}

asio::awaitable<void> Intake::reap() {
    const size_t limit = std::min(sessions_->free(), kMaxReapedPerRound);
    redis::Commands commands;
    for (uint32_t i = 0; i < relay_.partitions.count(); ++i) {
        const std::string_view tag = relay_.partitions.tag(i);
        redis::ScriptCall call(kReapScript);
        call.add(jobs_key(tag).view()).add(lease_key(tag).view());
        call.add(relay_.lease.worker()).add(limit);
        call.append_to(commands);
    }
    const std::vector<redis::Value> replies = co_await relay_.commands->run_all(commands);
    bool unknown_script = false;
    for (uint32_t i = 0; i < replies.size(); ++i) {
        groups_missing_ = groups_missing_ || replies[i].error_is("NOGROUP") ||
                          replies[i].text.find("NOGROUP") != std::string::npos;
        unknown_script = unknown_script || replies[i].error_is("NOSCRIPT");
        for (const redis::Value& entry : replies[i].elements) {
            metrics::meters().doorbells_taken_over.at({}).add();
            log::info("doorbell of a lost worker taken over",
                      {{"partition", i}, {"entry", entry.at(0).text}});
            take_entry(i, entry);
        }
    }
    if (unknown_script) {
        const std::string_view load[] = {"SCRIPT", "LOAD", kReapScript.text};
        relay_.commands->send(load, {});
    }
}

} // namespace mr

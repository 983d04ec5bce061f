#include "worker/session/readiness.h"

#include "shared/permissions.h"
#include "worker/log.h"
#include "worker/random.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <utility>

namespace mr {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kStartGrace{1500}; // before the first complaint
constexpr milliseconds kLate{1000};       // the loop was stopped: judge nothing by its clock

int64_t count_ms(std::chrono::steady_clock::duration time) {
    return std::chrono::duration_cast<milliseconds>(time).count();
}

} // namespace

std::shared_ptr<Readiness> Readiness::make(Relay& relay, std::vector<NamedLink> links,
                                           std::string file) {
    return std::shared_ptr<Readiness>(new Readiness(relay, std::move(links), std::move(file)));
}

Readiness::Readiness(Relay& relay, std::vector<NamedLink> links, std::string file)
    : relay_(relay), links_(std::move(links)), file_(std::move(file)), changed_(relay.executor) {
    const KeyText channel = probe_channel(relay_.partitions.tag(0), random_hex(8));
    channel_ = channel.view();
    std::remove(file_.c_str()); // of a predecessor that was killed
}

asio::awaitable<void> Readiness::run(std::function<void()> on_first) {
    auto self = shared_from_this();
    on_first_ = std::move(on_first);
    relay_.commands->on_change([weak = weak_from_this()](bool) {
        if (const auto known = weak.lock()) {
            known->next_permissions_ = {};
            known->look();
        }
    });
    relay_.subscriptions->follow(channel_, this);
    red_since_ = Clock::now();
    auto expected = Clock::now();
    while (withdrawn_.empty()) {
        judge_subscriptions(Clock::now() - expected > kLate);
        probe();
        update();
        expected = Clock::now() + kReadinessLook;
        co_await changed_.wait_for(kReadinessLook);
    }
    relay_.subscriptions->leave(channel_, this);
}

void Readiness::withdraw(std::string_view cause) {
    withdrawn_ = cause;
    update();
    look();
}

// ---- the probe

void Readiness::probe() {
    const auto now = Clock::now();
    if (!relay_.commands->ready() || now < next_probe_) {
        return;
    }
    next_probe_ = now + kProbeEvery;
    if (now >= next_permissions_) {
        next_permissions_ = missing_.empty() ? now + kPermissionsEvery : now;
        check_permissions();
    }
    auto self = shared_from_this();
    // Writes nothing (the field is there), and is refused like everything that writes.
    const std::string partitions = std::to_string(relay_.partitions.count());
    const std::string_view write[] = {"HSETNX", kConfigKey, kConfigPartitions, partitions};
    relay_.commands->send(write, [self](const redis::Answer& answer) {
        if (answer.reply != nullptr) {
            self->refusal_ = answer.ok() ? std::string() : std::string(answer.reply->text());
            if (answer.reply->integer() == 1) {
                log::warn("redis has lost its data", {{"cause", "mr:config was missing"}});
            }
            self->look();
        }
    });
    publish();
}

void Readiness::publish() {
    if (!relay_.commands->ready()) {
        return;
    }
    auto self = shared_from_this();
    const uint64_t number = ++sent_;
    const std::string text = std::to_string(number);
    const std::string_view command[] = {"SPUBLISH", channel_, text};
    const auto published_at = Clock::now();
    relay_.commands->send(command, [self, published_at](const redis::Answer& answer) {
        const bool missing = self->heard_at_ < published_at && self->subscribed_;
        if (answer.ok() && missing && self->unheard_since_ == Clock::time_point{}) {
            self->unheard_since_ = Clock::now();
        }
    });
}

void Readiness::subscribed() {
    subscribed_ = true;
    publish();
}

void Readiness::published(std::string_view) {
    heard_at_ = Clock::now();
    unheard_since_ = {};
    if (!ready_) {
        look();
    }
}

// Every answer that came while the loop was stopped is still to be read.
void Readiness::judge_subscriptions(bool late) {
    if (!relay_.subscriptions->ready()) {
        subscribed_ = false;
        unheard_since_ = {};
    }
    if (unheard_since_ == Clock::time_point{}) {
        return;
    }
    if (late) {
        unheard_since_ = Clock::now();
    } else if (Clock::now() - unheard_since_ >= kProbeLost) {
        unheard_since_ = {};
        relay_.subscriptions->drop(redis::Failure::timed_out,
                                   "connected, but delivers nothing that is published");
    }
}

// ---- permissions

void Readiness::check_permissions() {
    std::vector<std::string_view> parts = {"EVAL", kPermissionScript, "0"};
    const auto wanted = worker_permissions();
    parts.insert(parts.end(), wanted.begin(), wanted.end());
    auto self = shared_from_this();
    relay_.commands->send(parts,
                          [self](const redis::Answer& answer) { self->take_permissions(answer); });
}

void Readiness::take_permissions(const redis::Answer& answer) {
    if (answer.reply == nullptr) {
        return;
    }
    checked_ = true;
    missing_.clear();
    if (answer.reply->error_is("NOPERM")) {
        missing_ = "eval";
    }
    for (size_t i = 0; i < answer.reply->size(); ++i) {
        missing_ += missing_.empty() ? "" : ", ";
        missing_ += (*answer.reply)[i].text();
    }
    look();
}

// ---- the outcome

std::string Readiness::trouble() const {
    if (!withdrawn_.empty()) {
        return withdrawn_;
    }
    // A missing permission brings other links down: the cause comes first.
    if (relay_.commands->ready() && !missing_.empty()) {
        return "redis does not let its user run on keys or channels mr:*: " + missing_;
    }
    for (const NamedLink& named : links_) {
        if (!named.link->ready()) {
            return "the " + named.name + " link to redis is down";
        }
    }
    if (!checked_) {
        return "starting";
    }
    if (!refusal_.empty()) {
        return "redis refuses to be written to: " + refusal_;
    }
    if (!relay_.lease.valid()) {
        return "no lease";
    }
    const auto age = Clock::now() - heard_at_;
    if (heard_at_ == Clock::time_point{} || age > kProbeFresh) {
        return "what is published does not arrive here";
    }
    return {};
}

void Readiness::update() {
    const std::string cause = trouble();
    if (ready_ && cause.empty()) {
        renew_file();
        return;
    }
    if (ready_) {
        ready_ = false;
        red_since_ = Clock::now();
        std::remove(file_.c_str());
        log::warn("not ready", {{"cause", cause}});
    } else if (cause.empty()) {
        ready_ = true;
        write_file();
        if (on_first_) {
            const auto first = std::exchange(on_first_, nullptr);
            first();
        } else {
            log::info("ready again", {{"after_ms", count_ms(Clock::now() - red_since_)}});
        }
    } else if (on_first_ && Clock::now() - red_since_ < kStartGrace) {
        return;
    } else if (cause != last_cause_ && withdrawn_.empty()) {
        log::info("still not ready", {{"cause", cause}});
    }
    last_cause_ = cause;
}

void Readiness::write_file() {
    if (file_.empty()) {
        return;
    }
    const std::string draft = file_ + ".new";
    std::ofstream(draft) << getpid() << '\n';
    if (std::rename(draft.c_str(), file_.c_str()) != 0) {
        log::warn("ready file not written", {{"path", file_}});
    }
}

// Its time says that this loop still turns: a frozen process cannot remove its file.
void Readiness::renew_file() {
    if (!file_.empty() && utimensat(AT_FDCWD, file_.c_str(), nullptr, 0) != 0) {
        write_file();
    }
}

} // namespace mr

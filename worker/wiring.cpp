#include "worker/wiring.h"

#include "shared/version.h"
#include "worker/log.h"
#include "worker/metrics/meters.h"
#include "worker/metrics/process.h"
#include "worker/metrics/server.h"
#include "worker/session/intake.h"
#include "worker/session/queue_watch.h"
#include "worker/session/readiness.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <utility>

namespace mr {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr milliseconds kLoopProbe{250};
constexpr milliseconds kLoopLate{1000};
constexpr std::chrono::minutes kFirstConnection{10}; // to Redis, before the worker gives up
// With sentinels: an answer that has just ended may have been written to a primary that is not one
// any more. Who still has it in hand when that is found out puts it back.
constexpr milliseconds kFailoverLinger{3000};

std::string worker_name(const Settings& settings) {
    if (!settings.name.empty()) {
        return settings.name;
    }
    char host[65] = {};
    gethostname(host, sizeof(host) - 1);
    return host;
}

SessionLimits session_limits(const Settings& settings) {
    SessionLimits limits;
    limits.lease = settings.lease;
    limits.turn_budget = settings.turn_budget;
    limits.resume_window = settings.resume_window;
    limits.session_ttl = settings.session_ttl;
    limits.linger = settings.redis_url.has_sentinels() ? std::max(settings.linger, kFailoverLinger)
                                                       : settings.linger;
    limits.text_window = settings.text_window;
    limits.max_sessions = static_cast<uint32_t>(settings.max_sessions);
    limits.max_attempts = static_cast<uint32_t>(settings.max_attempts);
    limits.max_history_messages = static_cast<uint32_t>(settings.history_messages);
    limits.max_queued_questions = static_cast<uint32_t>(settings.max_queued_questions);
    limits.max_message_bytes = settings.max_message_bytes;
    return limits;
}

class Worker {
  public:
    Worker(const Settings& settings, Apps apps, std::shared_ptr<RedisRates> rates);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker();

    int run(const std::function<void()>& after_loop);

  private:
    redis::LinkOptions link(std::string role, bool scripts) const;
    asio::awaitable<void> start();
    asio::awaitable<void> check_schema();
    asio::awaitable<void> stop();
    asio::awaitable<void> watch_loop();
    void serve_metrics();
    void look_around();
    void wait_for_signal();
    void on_signal(int number);
    void say_ready();
    void fail(const std::string& cause);

    const Settings& settings_;
    asio::io_context loop_{1};
    std::shared_ptr<redis::SentinelWatch> sentinels_; // null without
    PartitionMap partitions_;
    std::shared_ptr<redis::Connection> commands_;
    std::shared_ptr<redis::Connection> jobs_;    // blocking reads
    std::shared_ptr<redis::Connection> control_; // the lease: never behind thousands of events
    std::shared_ptr<redis::Subscriber> subscriptions_;
    Lease lease_;
    Relay relay_;
    std::shared_ptr<Sessions> sessions_;
    std::shared_ptr<Intake> intake_;
    std::shared_ptr<Readiness> readiness_;
    std::shared_ptr<RedisRates> rates_;
    std::shared_ptr<QueueWatch> queue_; // these two when metrics are served, else null
    std::shared_ptr<metrics::Server> metrics_;
    asio::signal_set signals_;
    bool started_ = false;
    bool stopping_ = false;
    int exit_code_ = 0;
};

Worker::Worker(const Settings& settings, Apps apps, std::shared_ptr<RedisRates> rates)
    : settings_(settings),
      sentinels_(redis::SentinelWatch::make(loop_.get_executor(), settings.redis_url)),
      partitions_(static_cast<uint32_t>(settings.partitions)),
      commands_(redis::Connection::make(loop_.get_executor(), link("commands", true))),
      jobs_(redis::Connection::make(loop_.get_executor(), link("jobs", false))),
      control_(redis::Connection::make(loop_.get_executor(), link("control", true))),
      subscriptions_(redis::Subscriber::make(loop_.get_executor(), link("subscriptions", false))),
      lease_(control_, partitions_, worker_name(settings), settings.lease),
      relay_{loop_.get_executor(),
             commands_,
             subscriptions_,
             partitions_,
             lease_,
             Flusher::make(loop_.get_executor(), commands_, lease_),
             session_limits(settings),
             DelayLine::make(loop_.get_executor(), settings.text_window)},
      sessions_(Sessions::make(relay_, std::move(apps))),
      intake_(Intake::make(relay_, jobs_, sessions_)),
      readiness_(Readiness::make(relay_,
                                 {{"commands", commands_},
                                  {"jobs", jobs_},
                                  {"control", control_},
                                  {"subscriptions", subscriptions_}},
                                 settings.ready_file)),
      rates_(std::move(rates)), signals_(loop_) {
    if (rates_) {
        rates_->bind(commands_);
    }
    lease_.on_lapse = [this] {
        sessions_->drop_all();
        readiness_->look();
    };
    lease_.on_taken = [this] {
        intake_->wake();
        readiness_->look();
    };
    sessions_->on_free = [this] { intake_->wake(); };
}

Worker::~Worker() {
    if (rates_) {
        rates_->unbind();
    }
    metrics::meters().registry.forget_collectors();
}

// Serves the metrics from now on, where that is wanted.
void Worker::serve_metrics() {
    metrics::Meters& meters = metrics::meters();
    meters.build_info.at({kVersion, std::to_string(kSchemaVersion)}).set(1);
    if (settings_.metrics_listen.empty()) {
        return;
    }
    meters.registry.on_collect([this] { look_around(); });
    metrics_ = metrics::Server::open(
        loop_.get_executor(), settings_.metrics_listen,
        {[&meters] { return meters.registry.page(); }, [this] { return readiness_->why_not(); }});
    metrics_->start();
    queue_ = QueueWatch::make(relay_);
    log::info("metrics are served", {{"address", metrics_->address()}});
}

void Worker::look_around() {
    metrics::Meters& meters = metrics::meters();
    metrics::look_at_process(meters);
    meters.ready.at({}).set(readiness_->ready() ? 1 : 0);
    meters.sessions.at({}).set(static_cast<double>(sessions_->size()));
    meters.session_slots.at({}).set(static_cast<double>(settings_.max_sessions));
    meters.redis_up.at({"commands"}).set(commands_->ready() ? 1 : 0);
    meters.redis_up.at({"jobs"}).set(jobs_->ready() ? 1 : 0);
    meters.redis_up.at({"control"}).set(control_->ready() ? 1 : 0);
    meters.redis_up.at({"subscriptions"}).set(subscriptions_->ready() ? 1 : 0);
}

redis::LinkOptions Worker::link(std::string role, bool scripts) const {
    return {settings_.redis_url, "mr-worker:" + role, std::move(role), scripts, sentinels_};
}

int Worker::run(const std::function<void()>& after_loop) {
    for (const int number : {SIGTERM, SIGINT, SIGTSTP, SIGHUP}) {
        signals_.add(number);
    }
    std::signal(SIGPIPE, SIG_IGN);
    wait_for_signal();
    serve_metrics();
    commands_->start();
    jobs_->start();
    control_->start();
    subscriptions_->start();
    asio::co_spawn(loop_, [this] { return start(); }, asio::detached);
    loop_.run();
    readiness_->withdraw("stopped");
    if (sessions_->size() > 0) {
        std::_Exit(exit_code_); // stopped at once: nobody waits for what still runs
    }
    if (after_loop) {
        after_loop();
    }
    return exit_code_;
}

asio::awaitable<void> Worker::start() {
    try {
        co_await commands_->wait_ready(kFirstConnection);
        co_await jobs_->wait_ready(kFirstConnection);
        co_await control_->wait_ready(kFirstConnection);
        co_await subscriptions_->wait_ready(kFirstConnection);
        co_await check_schema();
        co_await intake_->create_groups();
    } catch (const std::exception& error) {
        fail(error.what());
        co_return;
    }
    if (stopping_) {
        co_return;
    }
    asio::co_spawn(loop_, [this] { return lease_.run(loop_.get_executor()); }, asio::detached);
    while (!lease_.valid()) {
        co_await sleep_for(milliseconds(5));
        if (stopping_) {
            co_return;
        }
    }
    started_ = true;
    asio::co_spawn(loop_, [this] { return watch_loop(); }, asio::detached);
    intake_->start();
    if (queue_) {
        queue_->start();
    }
    asio::co_spawn(
        loop_, [this] { return readiness_->run([this] { say_ready(); }); }, asio::detached);
}

void Worker::say_ready() {
    log::info(
        "mr-worker ready",
        {{"version", kVersion}, {"apps", settings_.apps}, {"pid", static_cast<int64_t>(getpid())}});
}

// All processes of a deployment must cut the key space alike.
asio::awaitable<void> Worker::check_schema() {
    const std::string partitions = std::to_string(partitions_.count());
    const std::string schema = std::to_string(kSchemaVersion);
    redis::Commands commands;
    const std::string_view set_partitions[] = {"HSETNX", kConfigKey, kConfigPartitions, partitions};
    const std::string_view set_schema[] = {"HSETNX", kConfigKey, kConfigSchema, schema};
    const std::string_view get[] = {"HMGET", kConfigKey, kConfigPartitions, kConfigSchema};
    commands.add(set_partitions);
    commands.add(set_schema);
    commands.add(get);
    const std::vector<redis::Value> replies = co_await commands_->run_all(commands);
    for (const redis::Value& reply : replies) {
        if (reply.is_error()) {
            throw redis::Error(reply.text);
        }
    }
    if (replies[2].at(0).text != partitions) {
        throw std::runtime_error("this Redis is set up for " + replies[2].at(0).text +
                                 " partitions, the setting is " + partitions +
                                 ": use the same number everywhere");
    }
    if (replies[2].at(1).text != schema) {
        throw std::runtime_error("this Redis holds data of schema " + replies[2].at(1).text +
                                 ", this worker knows " + schema);
    }
}

// A loop that runs late delays every session, and in the end costs the lease: say so in time.
asio::awaitable<void> Worker::watch_loop() {
    while (!stopping_) {
        const auto before = std::chrono::steady_clock::now();
        co_await sleep_for(kLoopProbe);
        const auto late = std::chrono::steady_clock::now() - before - kLoopProbe;
        metrics::meters().loop_lag.at({}).observe(std::chrono::duration<double>(late).count());
        if (late > kLoopLate) {
            log::warn("event loop runs late",
                      {{"ms", std::chrono::duration_cast<milliseconds>(late).count()},
                       {"sessions", sessions_->size()}});
        }
    }
}

void Worker::fail(const std::string& cause) {
    log::error("mr-worker cannot start", {{"cause", cause}});
    exit_code_ = 1;
    loop_.stop();
}

void Worker::wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code error, int number) {
        if (!error) {
            on_signal(number);
            wait_for_signal();
        }
    });
}

// TERM and INT: stop gracefully, the second time at once. TSTP: quiet. HUP: nothing to read again.
void Worker::on_signal(int number) {
    if (number == SIGHUP) {
        log::info("nothing to reload");
        return;
    }
    if (number == SIGTSTP) {
        log::info("quiet: taking no more doorbells", {{"sessions", sessions_->size()}});
        intake_->quiet();
        readiness_->withdraw("quiet");
        return;
    }
    if (stopping_) {
        log::warn("stopping at once", {{"sessions", sessions_->size()}});
        sessions_->hurry();
        return;
    }
    stopping_ = true;
    readiness_->withdraw("stopping");
    log::info("stopping", {{"sessions", sessions_->size()}, {"drain_ms", settings_.drain.count()}});
    asio::co_spawn(loop_, [this] { return stop(); }, asio::detached);
}

asio::awaitable<void> Worker::stop() {
    intake_->stop();
    if (queue_) {
        queue_->stop();
    }
    if (started_) {
        co_await sessions_->drain(settings_.drain);
        co_await lease_.give_up();
    }
    log::info("stopped");
    if (metrics_) {
        metrics_->close();
    }
    loop_.stop();
}

} // namespace

int run_worker(const Settings& settings, Apps apps, const std::function<void()>& after_loop,
               std::shared_ptr<RedisRates> rates) {
    Worker worker(settings, std::move(apps), std::move(rates));
    return worker.run(after_loop);
}

} // namespace mr

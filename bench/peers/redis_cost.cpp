// mr-peer-redis: what an event costs Redis, by the way in which it is written (redis_ways.h).
// Events of many sessions go in over one connection, so many at a time without a reply, and come
// out at a second one that follows all sessions; the CPU is that of the Redis process. One line of
// JSON.
#include "bench/load/clock.h"
#include "bench/load/loop.h"
#include "bench/load/processes.h"
#include "bench/peers/link.h"
#include "bench/peers/redis_ways.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <deque>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr double kStalledS = 30;

struct Options {
    std::string address, way = "mr-ws";
    int pid = 0;
    uint64_t sessions = 200, depth = 64, bytes = 215, length = 300;
    uint64_t warmup = 20'000, events = 100'000;
};

class RedisCost {
  public:
    explicit RedisCost(const Options& options)
        : options_(options), way_(make_redis_way(options.way, options.bytes, options.length)),
          commands_(loop_, options.address,
                    [this](std::string_view bytes) { take_replies(bytes); }),
          follower_(loop_, options.address, [this](std::string_view bytes) { take_events(bytes); }),
          written_(options.sessions) {}

    nlohmann::ordered_json run();

  private:
    void take_replies(std::string_view bytes);
    void take_events(std::string_view bytes);
    void write();
    void look(int64_t limit_ns);
    uint64_t all() const { return options_.warmup + options_.events; }

    const Options& options_;
    std::unique_ptr<RedisWay> way_;
    Loop loop_;
    RespReader replies_, messages_;
    Link commands_, follower_;
    std::vector<uint64_t> written_;  // events, by session
    std::deque<uint64_t> in_flight_; // replies that each event still has to have
    uint64_t preparing_ = 0, following_ = 0, begun_ = 0, replied_ = 0, received_ = 0;
    double cpu_before_ = 0;
    int64_t from_ns_ = 0;
};

void RedisCost::take_replies(std::string_view bytes) {
    replies_.feed(bytes.data(), bytes.size());
    while (replies_.next() == RespReader::Result::reply) {
        const Reply reply = replies_.current();
        if (reply.is_error()) {
            throw std::runtime_error("Redis refuses an event: " + std::string(reply.text()));
        }
        if (preparing_ != 0) {
            if (--preparing_ == 0) {
                way_->prepared(reply);
            }
        } else if (--in_flight_.front() == 0) {
            in_flight_.pop_front();
            ++replied_;
        }
    }
    write();
}

void RedisCost::take_events(std::string_view bytes) {
    messages_.feed(bytes.data(), bytes.size());
    while (messages_.next() == RespReader::Result::reply) {
        if (following_ == options_.sessions) {
            ++received_;
        } else if (++following_ == options_.sessions) {
            write();
        }
    }
}

// As many as are missing, in one write.
void RedisCost::write() {
    if (preparing_ != 0 || following_ != options_.sessions) {
        return;
    }
    while (in_flight_.size() < options_.depth && begun_ < all()) {
        if (begun_ == options_.warmup) {
            if (!in_flight_.empty()) {
                break; // what is measured begins with nothing under way
            }
            cpu_before_ = usage_of(options_.pid, false).cpu_s;
            from_ns_ = now_ns();
        }
        const uint64_t session = begun_++ % options_.sessions;
        in_flight_.push_back(way_->append(commands_.out(), session, ++written_[session]));
    }
    commands_.flush();
}

void RedisCost::look(int64_t limit_ns) {
    if (replied_ == all() && received_ == all()) {
        return loop_.stop();
    }
    if (now_ns() > limit_ns) {
        throw std::runtime_error(std::to_string(replied_) + " events are written and " +
                                 std::to_string(received_) + " have come, of " +
                                 std::to_string(all()));
    }
    loop_.at(now_ns() + kNsPerMs, [this, limit_ns] { look(limit_ns); });
}

nlohmann::ordered_json RedisCost::run() {
    preparing_ = way_->prepare(commands_.out());
    commands_.flush();
    for (uint64_t session = 0; session < options_.sessions; ++session) {
        way_->subscribe(follower_.out(), session);
    }
    follower_.flush();
    const double limit_s = kStalledS + static_cast<double>(all()) / 1000;
    look(now_ns() + static_cast<int64_t>(limit_s * 1e9));
    loop_.run();
    const double cpu_s = usage_of(options_.pid, false).cpu_s - cpu_before_;
    const double seconds = static_cast<double>(now_ns() - from_ns_) / 1e9;
    const auto events = static_cast<double>(options_.events);
    return {{"way", options_.way},
            {"events", options_.events},
            {"sessions", options_.sessions},
            {"depth", options_.depth},
            {"bytes", options_.bytes},
            {"us_per_event", 1e6 * cpu_s / events},
            {"events_per_s", events / seconds}};
}

} // namespace
} // namespace mr::bench

int main(int argc, char** argv) {
    using namespace mr::bench;
    Options options;
    CLI::App app("What an event costs Redis, by the way in which it is written.");
    app.add_option("--address", options.address, "unix:/path or 127.0.0.1:port")->required();
    app.add_option("--pid", options.pid, "of the Redis process")->required();
    app.add_option("--way", options.way, "mr-ws, centrifuge or publish [mr-ws]");
    app.add_option("--sessions", options.sessions, "[200]")->check(CLI::Range(1, 100'000));
    app.add_option("--depth", options.depth, "events without a reply at any time [64]")
        ->check(CLI::Range(1, 10'000));
    app.add_option("--bytes", options.bytes, "of an event [215]")->check(CLI::Range(1, 16'384));
    app.add_option("--length", options.length, "events that centrifuge keeps of a session [300]")
        ->check(CLI::Range(1, 1'000'000));
    app.add_option("--warmup", options.warmup, "events before those that count [20000]");
    app.add_option("--events", options.events, "[100000]")->check(CLI::Range(1, 100'000'000));
    CLI11_PARSE(app, argc, argv);
    try {
        std::printf("%s\n", RedisCost(options).run().dump().c_str());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "mr-peer-redis: %s\n", error.what());
        return 1;
    }
    return 0;
}

#include "bench/tool/sweep.h"

#include <algorithm>
#include <cstdio>

namespace mr::bench {
namespace {

struct Point {
    uint64_t rate = 0;
    bool held = false;
    bool invalid = false;
};

Result run_at(const Common& common, const SweepOptions& options, uint64_t rate) {
    if (options.relay) {
        RelayOptions relay = options.relay_options;
        relay.rate = rate;
        return run_relay(common, relay);
    }
    ChatOptions chat = options.chat_options;
    chat.rate = static_cast<double>(rate);
    return run_chat(common, chat);
}

bool holds(const SweepOptions& options, const Result& result) {
    if (!result.broken.empty()) {
        return false;
    }
    if (options.relay) {
        const double p99_us = static_cast<double>(result.times.at("latency").quantile(0.99));
        return p99_us <= options.p99_ms * 1000;
    }
    return result.rates.value("goodput", 0.0) >= options.goodput;
}

Json point_of(const Result& result, uint64_t rate, bool held) {
    const Histogram& times = result.times.at(result.scenario == "relay" ? "latency" : "first_text");
    Json point = {{"rate", rate},
                  {"held", held},
                  {"p50_ms", static_cast<double>(times.quantile(0.5)) / 1000},
                  {"p99_ms", static_cast<double>(times.quantile(0.99)) / 1000}};
    for (const auto& [name, value] : result.rates.items()) {
        point[name] = value;
    }
    point["invalid"] = result.invalid;
    return point;
}

class Sweep {
  public:
    Sweep(const Common& common, const SweepOptions& options) : common_(common), options_(options) {
        common_.quiet = true;
    }

    Result result();

  private:
    Point measure(uint64_t rate);

    Common common_;
    const SweepOptions& options_;
    Result result_;
    Result knee_;
};

Point Sweep::measure(uint64_t rate) {
    Result one = run_at(common_, options_, rate);
    const Point point{rate, holds(options_, one), !one.invalid.empty()};
    result_.series.push_back(point_of(one, rate, point.held));
    std::fprintf(stderr, "rate %llu: %s%s %s\n", static_cast<unsigned long long>(rate),
                 point.held ? "held" : "broken", point.invalid ? ", generator at its limit" : "",
                 result_.series.back().dump().c_str());
    if (point.held) {
        knee_ = std::move(one);
    }
    return point;
}

Result Sweep::result() {
    Point held;
    Point broken;
    for (uint64_t rate = options_.from; rate <= options_.most; rate *= 2) {
        const Point point = measure(rate);
        if (point.invalid && !point.held) {
            result_.invalid.emplace_back("the generator reached its limit before the server");
        }
        (point.held ? held : broken) = point;
        if (!point.held) {
            break;
        }
    }
    for (unsigned i = 0; i < options_.halvings && held.rate != 0 && broken.rate > held.rate + 1;
         ++i) {
        const Point point = measure((held.rate + broken.rate) / 2);
        (point.held ? held : broken) = point;
    }
    result_.scenario = options_.relay ? "sweep_relay" : "sweep_chat";
    result_.config = knee_.config;
    result_.config["p99_ms"] = options_.p99_ms;
    result_.config["goodput"] = options_.goodput;
    result_.times = knee_.times;
    result_.rates = knee_.rates;
    result_.rates["knee"] = static_cast<double>(held.rate);
    result_.rates["first_broken"] = static_cast<double>(broken.rate);
    result_.counts = knee_.counts;
    result_.measured_s = knee_.measured_s;
    if (held.rate == 0) {
        result_.broken.emplace_back("even the lowest rate broke the promise");
    }
    return result_;
}

} // namespace

Result run_sweep(const Common& common, const SweepOptions& options) {
    return Sweep(common, options).result();
}

} // namespace mr::bench

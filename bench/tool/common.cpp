#include "bench/tool/common.h"

#include "bench/load/clock.h"
#include "bench/load/processors.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr uint64_t kPortsOfAnAddress = 20'000; // of 28,232 that Linux gives by default
constexpr uint32_t kSources = 8;               // 127.0.0.1 to .8
constexpr double kShortestSoakS = 120;         // below that growth says nothing
constexpr double kBusiest = 0.8;               // of a core: then the generator is the bottleneck
constexpr uint64_t kLatestUs = 5000;           // p99 of what it did later than planned

} // namespace

Rig::Rig(const Common& common) : target(read_target(common.url)), clients{loop, target} {
    if (target.tls) {
        TlsOptions options;
        options.ca_file = common.ca_file;
        options.resume = !common.no_tickets;
        options.full_handshakes = &full_handshakes;
        options.resumed_handshakes = &resumed_handshakes;
        tls = std::make_unique<TlsContext>(options);
        clients.tls = tls.get();
    }
    static_assert(kSources * kPortsOfAnAddress >= 150'000);
    clients.sources = target.loopback ? kSources : 1;
}

Processes watched_processes(const Common& common) {
    Processes processes;
    if (!common.instance.empty()) {
        processes.add_instance(common.instance);
    }
    for (const std::string& one : common.watched) {
        const size_t equals = one.find('=');
        const int pid = equals == std::string::npos ? 0 : std::atoi(one.c_str() + equals + 1);
        if (pid <= 0) {
            throw std::runtime_error("--watch " + one + " is no ROLE=PID, such as nginx=1234");
        }
        processes.add(one.substr(0, equals), pid);
    }
    return processes;
}

void part_processors(const Common& common) {
    if (common.server_cpus.empty()) {
        return;
    }
    const Processors servers = read_processors(common.server_cpus);
    const Processors all = own_processors();
    if (!std::includes(all.begin(), all.end(), servers.begin(), servers.end())) {
        throw std::runtime_error("--server-cpu " + common.server_cpus +
                                 ": this process may use CPU " + to_string(all));
    }
    Processors others;
    std::set_difference(all.begin(), all.end(), servers.begin(), servers.end(),
                        std::back_inserter(others));
    if (others.empty()) {
        throw std::runtime_error("--server-cpu " + common.server_cpus +
                                 " leaves no CPU for the generator");
    }
    const Processes watched = watched_processes(common);
    if (watched.empty()) {
        throw std::runtime_error("--server-cpu needs processes: --instance or --watch");
    }
    for (const pid_t pid : watched.pids()) {
        hold_to(pid, servers);
    }
    hold_to(getpid(), others);
}

bool raise_descriptors(uint64_t wanted) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur >= wanted;
}

Meter::Meter(const Common& common, Loop& loop)
    : common_(common), loop_(loop), processes_(watched_processes(common)) {}

void Meter::progress(std::function<std::string()> line, std::function<Json()> point) {
    line_ = std::move(line);
    point_ = std::move(point);
    if (!running_) {
        running_ = true;
        loop_.at(now_ns() + kNsPerS, [this, alive = std::weak_ptr<bool>(alive_)] {
            if (!alive.expired()) {
                second();
            }
        });
    }
}

void Meter::second() {
    if (!running_) {
        return;
    }
    if (!common_.quiet && line_) {
        const bool tty = isatty(STDERR_FILENO) != 0;
        std::fprintf(stderr, tty ? "\r\033[K%s" : "%s\n", line_().c_str());
        std::fflush(stderr);
    }
    if (point_ && begun_ != 0) {
        Json point = point_();
        point["at_s"] = static_cast<double>(now_ns() - begun_) / 1e9;
        if (common_.memory) {
            for (const auto& [role, usage] : processes_.usage(true)) {
                point[role + "_rss_kib"] = usage.rss_kib;
            }
        }
        series_.push_back(std::move(point));
    }
    loop_.at(loop_.now() + kNsPerS, [this, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) {
            second();
        }
    });
}

void Meter::begin() {
    begun_ = now_ns();
    before_ = processes_.usage(false);
    own_before_ = usage_of(getpid(), false);
}

void Meter::end(Result& result, double events, const std::string& event) {
    const double seconds = static_cast<double>(now_ns() - begun_) / 1e9;
    const auto after = processes_.usage(false);
    const double own = (usage_of(getpid(), false).cpu_s - own_before_.cpu_s) / seconds;
    running_ = false;
    if (!common_.quiet && isatty(STDERR_FILENO) != 0) {
        std::fprintf(stderr, "\r\033[K");
    }
    result.measured_s = seconds;
    result.series = series_;
    double total = 0;
    for (const auto& [role, usage] : after) {
        const double used = usage.cpu_s - before_[role].cpu_s;
        total += used;
        result.rates[role + "_core"] = used / seconds;
        if (events > 0) {
            result.rates[role + "_us_per_" + event] = 1e6 * used / events;
        }
    }
    if (!after.empty() && events > 0) {
        result.rates["total_us_per_" + event] = 1e6 * total / events;
    }
    judge_generator(result, own);
    if (common_.memory) {
        judge_growth(result);
    }
}

void Meter::judge_generator(Result& result, double own_core) const {
    result.rates["generator_core"] = own_core;
    const double lag_ms = static_cast<double>(lag_us.quantile(0.99)) / 1000;
    result.rates["generator_lag_p99_ms"] = lag_ms;
    char why[128];
    if (own_core > kBusiest) {
        std::snprintf(why, sizeof(why),
                      "the generator used %.2f of its core: fewer sessions or a "
                      "lower rate, or a machine of its own",
                      own_core);
        result.invalid.emplace_back(why);
    }
    if (lag_us.quantile(0.99) > kLatestUs) {
        std::snprintf(why, sizeof(why), "the generator was %.1f ms late with what it had planned",
                      lag_ms);
        result.invalid.emplace_back(why);
    }
}

// By least squares over the second half of the time: the first half fills caches and pools.
void Meter::judge_growth(Result& result) const {
    const size_t half = series_.size() / 2;
    for (const auto& [role, usage] : before_) {
        double n = 0, x = 0, y = 0, xx = 0, xy = 0;
        for (size_t i = half; i < series_.size(); ++i) {
            const double minutes = series_[i].at("at_s").get<double>() / 60;
            const double kib = series_[i].value(role + "_rss_kib", 0.0);
            n += 1;
            x += minutes;
            y += kib;
            xx += minutes * minutes;
            xy += minutes * kib;
        }
        const double spread = n * xx - x * x;
        const double growth = spread > 0 ? (n * xy - x * y) / spread : 0;
        result.rates[role + "_growth_kib_per_min"] = growth;
        if (common_.seconds >= kShortestSoakS && growth > common_.most_growth_kib) {
            result.broken.emplace_back("the memory of " + role + " grows by " +
                                       std::to_string(static_cast<uint64_t>(growth)) +
                                       " KiB a minute");
        }
    }
}

} // namespace mr::bench

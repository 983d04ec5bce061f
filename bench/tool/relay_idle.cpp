#include "bench/tool/relay_idle.h"

#include "bench/tool/bystanders.h"
#include "bench/tool/legs.h"

#include <chrono>
#include <thread>

namespace mr::bench {
namespace {

constexpr const char* kAlone = "alone";
constexpr const char* kBeside = "beside_idle";

class RelayIdle {
  public:
    RelayIdle(const Common& common, const RelayOptions& options)
        : common_(common), options_(options), processes_(watched_processes(common)),
          bystanders_(common, options.idle), legs_(result_, common.quiet) {}

    Result result();

  private:
    void leg(const char* kind);
    void open();
    void note();

    const Common& common_;
    const RelayOptions& options_;
    Processes processes_;
    Bystanders bystanders_;
    Result result_;
    Legs legs_;
};

void RelayIdle::leg(const char* kind) {
    Common common = common_;
    common.quiet = true;
    RelayOptions options = options_;
    options.stop_answers = true;
    const Result one = run_relay(common, options);
    result_.times[std::string("latency_") + kind].add(one.times.at("latency"));
    result_.counts[std::string("events_") + kind] =
        result_.counts.value(std::string("events_") + kind, uint64_t{0}) +
        one.counts.at("events").get<uint64_t>();
    legs_.add(kind, one);
}

void RelayIdle::open() {
    const auto before = processes_.usage(true);
    const KernelMemory kernel_before = kernel_memory();
    bystanders_.open();
    std::this_thread::sleep_for(std::chrono::duration<double>(common_.warmup_s));
    const auto per = [this](double now, double then) {
        return (now - then) / static_cast<double>(options_.idle);
    };
    Json& memory = result_.memory;
    for (const auto& [role, usage] : processes_.usage(true)) {
        const Usage& then = before.at(role);
        memory[role + "_private_per_idle_connection"] =
            per(static_cast<double>(usage.private_kib), static_cast<double>(then.private_kib));
        memory[role + "_rss"] = usage.rss_kib;
    }
    memory["kernel_slab_per_idle_connection_both_ends"] = per(
        static_cast<double>(kernel_memory().slab_kib), static_cast<double>(kernel_before.slab_kib));
    memory["client_private_per_idle_connection"] = per(bystanders_.private_kib(), 0);
    result_.counts["processes_of_idle_connections"] = bystanders_.processes();
}

// The ratios hold where the machine drifts, medians are for the order.
void RelayIdle::note() {
    for (const char* kind : {kAlone, kBeside}) {
        for (const char* figure :
             {"latency_p50_ms", "latency_p99_ms", "total_us_per_event", "nginx_us_per_event",
              "redis_us_per_event", "worker_us_per_event", "generator_core", "delivered"}) {
            result_.rates[std::string(kind) + "_" + figure] = legs_.median_of(kind, figure);
        }
    }
    for (const char* figure :
         {"latency_p50_ms", "latency_p99_ms", "total_us_per_event", "nginx_us_per_event"}) {
        result_.rates[std::string("ratio_of_") + figure] = legs_.ratio_of(kAlone, kBeside, figure);
    }
}

Result RelayIdle::result() {
    for (uint64_t i = 0; i < options_.rounds; ++i) {
        leg(kAlone);
        open();
        leg(kBeside);
        leg(kBeside);
        if (const uint64_t lost = bystanders_.lost(); lost != 0) {
            result_.broken.emplace_back(std::to_string(lost) + " idle connections were lost");
        }
        bystanders_.close();
        leg(kAlone);
    }
    note();
    result_.scenario = "relay_beside_idle";
    result_.config = {{"url", common_.url},
                      {"idle", options_.idle},
                      {"sessions", options_.sessions},
                      {"rate", options_.rate},
                      {"bytes", options_.bytes},
                      {"rounds", options_.rounds},
                      {"warmup_s", common_.warmup_s},
                      {"seconds", common_.seconds}};
    legs_.note_invalid();
    return result_;
}

} // namespace

Result run_relay_beside_idle(const Common& common, const RelayOptions& options) {
    return RelayIdle(common, options).result();
}

} // namespace mr::bench

#include "bench/tool/idle.h"

#include "bench/load/clock.h"
#include "bench/tool/crowd.h"

namespace mr::bench {
namespace {

class Idle final : public Crowd {
  public:
    Idle(const Common& common, const IdleOptions& options)
        : Crowd(common, options.sessions), processes_(watched_processes(common)),
          before_(processes_.usage(true)), kernel_before_(kernel_memory()) {}

    Result result();

  private:
    void opened() override;
    void session_turn_over(Session&) override {}
    void held();

    Processes processes_;
    std::map<std::string, Usage> before_;
    KernelMemory kernel_before_;
    Result result_;
};

void Idle::opened() {
    const int64_t settled = now_ns() + ns_of(common_.warmup_s);
    meter_.progress(
        [this] { return "holding " + std::to_string(sessions_.size()) + " idle connections"; });
    rig_.loop.at(settled, [this] { meter_.begin(); });
    rig_.loop.at(settled + ns_of(common_.seconds), [this] { held(); });
}

void Idle::held() {
    meter_.end(result_, 0, "");
    const auto per = [this](uint64_t now, uint64_t before) {
        return (static_cast<double>(now) - static_cast<double>(before)) /
               static_cast<double>(sessions_.size());
    };
    for (const auto& [role, usage] : processes_.usage(true)) {
        result_.memory[role + "_private_per_connection"] =
            per(usage.private_kib, before_[role].private_kib);
        result_.memory[role + "_rss_per_connection"] = per(usage.rss_kib, before_[role].rss_kib);
    }
    const KernelMemory kernel = kernel_memory(); // with the clients' half of each connection
    result_.memory["kernel_slab_per_connection_both_ends"] =
        per(kernel.slab_kib, kernel_before_.slab_kib);
    result_.memory["kernel_tcp_buffers"] = kernel.tcp_kib;
    finish();
}

Result Idle::result() {
    run();
    leaving_ = true;
    result_.scenario = "idle";
    result_.config = {{"url", common_.url},
                      {"sessions", sessions_.size()},
                      {"warmup_s", common_.warmup_s},
                      {"seconds", common_.seconds}};
    note(result_);
    if (lost_ != 0) {
        result_.broken.emplace_back("idle connections were lost");
    }
    if (processes_.empty()) {
        result_.invalid.emplace_back("no processes are watched: --instance or --watch");
    }
    return result_;
}

} // namespace

Result run_idle(const Common& common, const IdleOptions& options) {
    return Idle(common, options).result();
}

} // namespace mr::bench

#include "bench/tool/slow.h"

#include "bench/load/clock.h"
#include "bench/tool/crowd.h"

#include <algorithm>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr uint64_t kChunkBytes = 4096;
constexpr int kReadBuffer = 8192;            // the slow clients' sockets: the kernel holds little
constexpr int64_t kAllowNs = 100 * kNsPerMs; // the pace comes in steps
constexpr const char* kFastScript = "tools=0 chunks=100 bytes=80 rate=100";

// The fast ones are the crowd: alone for a while, beside the slow ones, alone again.
class Slow final : public Crowd {
  public:
    Slow(const Common& common, const SlowOptions& options)
        : Crowd(common, options.fast), options_(options), processes_(watched_processes(common)),
          slow_clients_{rig_.loop, rig_.target} {
        slow_clients_.tls = rig_.tls.get();
        slow_clients_.sources = rig_.clients.sources;
        slow_clients_.read_buffer = kReadBuffer;
        if (!raise_descriptors(options.fast + options.slow + 64)) {
            throw std::runtime_error("the limit of open files is too low: ulimit -n");
        }
    }

    Result result();

  private:
    enum class Phase { alone, beside, again };

    void opened() override;
    void session_ready(Session& session, bool resumed) override;
    void session_lost(Session& session, const std::string& why) override;
    void session_turn_over(Session& session) override;
    bool is_slow(const Session& session) const { return session.number >= options_.fast; }
    void begin_slow();
    void give_allowance();
    void look_at_memory();
    void all_at_full_speed();
    void look_for_end();

    const SlowOptions& options_;
    Processes processes_;
    Clients slow_clients_;
    std::vector<std::unique_ptr<Session>> slow_;
    Phase phase_ = Phase::alone;
    Histogram turns_[3];
    std::map<std::string, Usage> before_, most_;
    uint64_t slow_over_ = 0, slow_lost_ = 0, slow_failed_ = 0;
    bool reading_slowly_ = false;
    int64_t limit_ = 0;
    Result result_;
};

void Slow::opened() {
    for (const auto& session : sessions_) {
        session->ask(kFastScript, now_ns());
    }
    meter_.progress([this] {
        static constexpr const char* kWords[] = {"fast users alone", "beside slow readers",
                                                 "fast users alone again"};
        return std::string(kWords[static_cast<int>(phase_)]) + ", " + std::to_string(slow_over_) +
               " of " + std::to_string(options_.slow) + " slow answers read";
    });
    meter_.begin();
    before_ = most_ = processes_.usage(true);
    rig_.loop.at(now_ns() + ns_of(common_.warmup_s + common_.seconds), [this] { begin_slow(); });
}

void Slow::begin_slow() {
    phase_ = Phase::beside;
    reading_slowly_ = true;
    for (uint64_t i = 0; i < options_.slow; ++i) {
        slow_.push_back(std::make_unique<Session>(slow_clients_, *this, options_.fast + i));
        rig_.loop.at(now_ns() + ns_of(static_cast<double>(i) / common_.open_rate),
                     [this, i] { slow_[i]->open(); });
    }
    give_allowance();
    look_at_memory();
    rig_.loop.at(now_ns() + ns_of(common_.warmup_s + common_.seconds),
                 [this] { all_at_full_speed(); });
}

void Slow::session_ready(Session& session, bool resumed) {
    if (!is_slow(session)) {
        return Crowd::session_ready(session, resumed);
    }
    const uint64_t chunks = std::max<uint64_t>(1, options_.size_kib * 1024 / kChunkBytes);
    session.ask("tools=0 bytes=" + std::to_string(kChunkBytes) +
                    " chunks=" + std::to_string(chunks),
                now_ns());
    if (reading_slowly_) {
        session.client().allow(0);
    }
}

void Slow::give_allowance() {
    if (!reading_slowly_) {
        return;
    }
    const uint64_t share = std::max<uint64_t>(1, options_.pace * static_cast<uint64_t>(kAllowNs) /
                                                     static_cast<uint64_t>(kNsPerS));
    for (const auto& session : slow_) {
        if (session->asking() && session->client().waits_for_allowance()) {
            session->client().allow(share);
        }
    }
    rig_.loop.at(now_ns() + kAllowNs, [this] { give_allowance(); });
}

void Slow::look_at_memory() {
    if (!reading_slowly_) {
        return;
    }
    for (const auto& [role, usage] : processes_.usage(true)) {
        most_[role].private_kib = std::max(most_[role].private_kib, usage.private_kib);
        most_[role].rss_kib = std::max(most_[role].rss_kib, usage.rss_kib);
    }
    rig_.loop.at(now_ns() + kNsPerS, [this] { look_at_memory(); });
}

void Slow::all_at_full_speed() {
    reading_slowly_ = false;
    for (const auto& session : slow_) {
        session->client().allow(UINT64_MAX);
    }
    limit_ = now_ns() + ns_of(options_.limit_s);
    look_for_end();
}

void Slow::look_for_end() {
    if (slow_over_ + slow_lost_ < slow_.size() && now_ns() < limit_) {
        rig_.loop.at(now_ns() + kAllowNs, [this] { look_for_end(); });
        return;
    }
    phase_ = Phase::again;
    rig_.loop.at(now_ns() + ns_of(common_.seconds), [this] { finish(); });
}

void Slow::session_turn_over(Session& session) {
    const Turn& turn = session.turn();
    if (is_slow(session)) {
        ++slow_over_;
        slow_failed_ += turn.ok ? 0 : 1;
        return;
    }
    turns_[static_cast<int>(phase_)].add(
        static_cast<uint64_t>((turn.ended - turn.planned) / kNsPerUs));
    rig_.loop.at(0, [&session] { session.ask(kFastScript, now_ns()); });
}

void Slow::session_lost(Session& session, const std::string& why) {
    if (!is_slow(session)) {
        return Crowd::session_lost(session, why);
    }
    ++slow_lost_;
    last_loss_ = why;
}

Result Slow::result() {
    run();
    leaving_ = true;
    const auto turns = turns_[0].count() + turns_[1].count() + turns_[2].count();
    meter_.end(result_, static_cast<double>(turns), "turn");
    result_.scenario = "slow";
    result_.config = {{"url", common_.url},    {"slow", options_.slow},
                      {"pace", options_.pace}, {"size_kib", options_.size_kib},
                      {"fast", options_.fast}, {"seconds", common_.seconds}};
    note(result_);
    result_.times["turn_alone"] = turns_[0];
    result_.times["turn_beside"] = turns_[1];
    result_.times["turn_alone_again"] = turns_[2];
    for (const auto& [role, usage] : most_) {
        const auto grown =
            static_cast<double>(usage.private_kib) - static_cast<double>(before_[role].private_kib);
        result_.memory[role + "_private_per_slow"] = grown / static_cast<double>(options_.slow);
    }
    if (turns_[0].count() != 0 && turns_[1].count() != 0) {
        result_.rates["beside_to_alone_p50"] = static_cast<double>(turns_[1].quantile(0.5)) /
                                               static_cast<double>(turns_[0].quantile(0.5));
    }
    Exactness slow;
    for (const auto& session : slow_) {
        slow.add(session->exactness());
    }
    result_.counts["slow_answers_whole"] = slow_over_ - slow_failed_;
    result_.counts["slow_disconnected"] = slow_lost_;
    if (slow_over_ - slow_failed_ != options_.slow || slow.violations() != 0) {
        result_.broken.emplace_back("not every slow reader got the whole answer");
    }
    return result_;
}

} // namespace

Result run_slow(const Common& common, const SlowOptions& options) {
    return Slow(common, options).result();
}

} // namespace mr::bench

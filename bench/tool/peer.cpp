#include "bench/tool/peer.h"

#include "bench/load/clock.h"
#include "bench/tool/peer_crowd.h"

#include <algorithm>

namespace mr::bench {
namespace {

constexpr double kSpareS = 3; // events go on behind the measured time
constexpr int64_t kLookNs = 20 * kNsPerMs;
constexpr double kBeginLimitS = 60;         // for all to begin
constexpr int64_t kStalledNs = 5 * kNsPerS; // flat out: then the last answers do not come

class PeerRun final : public PeerCrowd {
  public:
    using PeerCrowd::PeerCrowd;

    Result result();

  private:
    void opened() override;
    bool take_events(Peer& peer, std::string_view message) override;
    void all_lost() override;

    void ask_all();
    void ask(Peer& peer);
    bool take(Peer& peer, const PeerStamp& stamp, int64_t now); // it counts
    void whole(Peer& peer, int64_t now);
    bool flat_out() const { return options_.rate == 0; }
    void measure();
    void over();
    void until_all_past(int64_t limit);
    bool all_past() const;
    std::string line() const;
    void judge();

    int64_t from_ns_ = 0, until_ns_ = 0;
    int64_t last_ns_ = 0; // when an event came
    uint64_t begun_ = 0, all_past_ = 0;
    uint64_t asking_ = 0, answers_ = 0; // flat out
    uint64_t arrived_ = 0;              // in the measured time, whenever they were due
    uint64_t events_ = 0, frames_ = 0, missing_ = 0, repeated_ = 0;
    bool measuring_ = false, measured_ = false;
    Histogram latency_, answer_us_;
};

// Holds its connections and does nothing else.
class PeerIdle final : public PeerCrowd {
  public:
    using PeerCrowd::PeerCrowd;

    Result result();

  private:
    void opened() override;
    bool take_events(Peer&, std::string_view) override { return false; }
    void all_lost() override { meter_.end(result_, 0, ""); }
};

void PeerRun::opened() {
    note_memory();
    ask_all();
    rig_.loop.at(now_ns() + ns_of(kBeginLimitS), [this] {
        if (begun_ < peers_.size()) {
            result_.broken.emplace_back("only " + std::to_string(begun_) + " of " +
                                        std::to_string(peers_.size()) + " have had events");
            rig_.loop.stop();
        }
    });
    meter_.progress([this] { return line(); },
                    [this] {
                        return Json{
                            {"events", events_},
                            {"p99_ms", static_cast<double>(latency_.quantile(0.99)) / 1000}};
                    });
}

// As in `relay`, over a second: events of different sessions are due at any time.
void PeerRun::ask_all() {
    const int64_t now = now_ns();
    const double spread_s = std::max(1.0, static_cast<double>(peers_.size()) / common_.open_rate);
    for (size_t i = 0; i < peers_.size(); ++i) {
        const auto share = static_cast<double>(i) / static_cast<double>(peers_.size());
        rig_.loop.at(now + ns_of(spread_s * share), [this, i] { ask(*peers_[i]); });
    }
}

void PeerRun::ask(Peer& peer) {
    peer.asked_ns = now_ns();
    if (flat_out()) {
        peer.next_seq = 0;
        peer.asking = true;
        ++asking_;
        const PeerStart start{session_of(peer.number), 0, options_.answer, options_.bytes};
        peer.client.send(wrap_start(dialect_, start));
        return;
    }
    const double seconds = kBeginLimitS + common_.warmup_s + common_.seconds + kSpareS;
    const PeerStart start{session_of(peer.number), options_.rate,
                          static_cast<uint64_t>(seconds * static_cast<double>(options_.rate)),
                          options_.bytes};
    peer.client.send(wrap_start(dialect_, start));
}

// ---- events

bool PeerRun::take_events(Peer& peer, std::string_view message) {
    const int64_t now = now_ns();
    PeerStamp stamp;
    bool any = false, counts = false;
    for (std::string_view rest = message; next_peer_stamp(rest, stamp); any = true) {
        counts |= take(peer, stamp, now);
    }
    frames_ += counts ? 1 : 0;
    return any;
}

void PeerRun::all_lost() {
    if (measuring_) {
        meter_.end(result_, static_cast<double>(arrived_), "event");
    }
}

bool PeerRun::take(Peer& peer, const PeerStamp& stamp, int64_t now) {
    if (stamp.seq < peer.next_seq) {
        ++repeated_;
        return false;
    }
    last_ns_ = now;
    if (!peer.begun) {
        peer.begun = true;
        if (++begun_ == peers_.size()) {
            rig_.loop.at(0, [this] { measure(); });
        }
    }
    missing_ += stamp.seq - peer.next_seq;
    peer.next_seq = stamp.seq + 1;
    arrived_ += measuring_ ? 1 : 0;
    if (flat_out()) {
        events_ += measuring_ ? 1 : 0;
        if (peer.next_seq == options_.answer) {
            whole(peer, now);
        }
        return measuring_;
    }
    if (until_ns_ != 0 && stamp.due_ns >= until_ns_ && !peer.past) {
        peer.past = true;
        ++all_past_;
    }
    if (stamp.due_ns < from_ns_ || stamp.due_ns >= until_ns_) {
        return false;
    }
    ++events_;
    latency_.add(static_cast<uint64_t>(std::max<int64_t>(0, now - stamp.due_ns) / kNsPerUs));
    return true;
}

void PeerRun::whole(Peer& peer, int64_t now) {
    peer.asking = false;
    --asking_;
    if (measuring_) {
        ++answers_;
        answer_us_.add(static_cast<uint64_t>((now - peer.asked_ns) / kNsPerUs));
    }
    if (!measured_) { // what else came with it is read before
        rig_.loop.at(0, [this, &peer] { ask(peer); });
    }
}

void PeerRun::measure() {
    const int64_t now = now_ns();
    from_ns_ = now + ns_of(common_.warmup_s);
    until_ns_ = from_ns_ + ns_of(common_.seconds);
    rig_.loop.at(from_ns_, [this] {
        measuring_ = true;
        meter_.begin();
    });
    rig_.loop.at(until_ns_, [this] { over(); });
}

void PeerRun::over() {
    measuring_ = false;
    measured_ = true;
    meter_.end(result_, static_cast<double>(arrived_), "event");
    until_all_past(now_ns() + ns_of(kSpareS));
}

bool PeerRun::all_past() const {
    return flat_out() ? asking_ == 0 : all_past_ == peers_.size();
}

// What is due in the measured time may still be under way, and so may the last answers.
void PeerRun::until_all_past(int64_t limit) {
    const int64_t now = now_ns();
    if (all_past() || now >= (flat_out() ? last_ns_ + kStalledNs : limit)) {
        return rig_.loop.stop();
    }
    rig_.loop.at(now + kLookNs, [this, limit] { until_all_past(limit); });
}

std::string PeerRun::line() const {
    char text[160];
    std::snprintf(text, sizeof(text), "%s %llu of %zu sessions, %llu events, p50 %.2f p99 %.2f ms",
                  measuring_ ? "measuring," : "warming up,",
                  static_cast<unsigned long long>(begun_), peers_.size(),
                  static_cast<unsigned long long>(events_),
                  static_cast<double>(latency_.quantile(0.5)) / 1000,
                  static_cast<double>(latency_.quantile(0.99)) / 1000);
    return text;
}

// ---- the result

void PeerRun::judge() {
    if (flat_out()) {
        if (asking_ != 0 && lost_ == 0) {
            result_.broken.emplace_back(std::to_string(asking_) + " of " +
                                        std::to_string(peers_.size()) +
                                        " sessions have not had the end of their answers");
        }
    } else {
        const double offered =
            static_cast<double>(options_.rate * options_.sessions) * common_.seconds;
        const double delivered = from_ns_ != 0 ? static_cast<double>(events_) / offered : 0;
        result_.rates["delivered"] = delivered;
        if (delivered < options_.least_delivered) {
            result_.broken.emplace_back("less was delivered than was due");
        }
    }
    if (missing_ + repeated_ != 0) {
        result_.broken.emplace_back("events were lost, repeated or out of order");
    }
    if (lost_ != 0) {
        result_.broken.emplace_back("connections were lost: " + last_loss_);
    }
}

Result PeerRun::result() {
    run();
    result_.scenario = "peer";
    result_.config = {
        {"url", common_.url},        {"dialect", options_.dialect}, {"sessions", options_.sessions},
        {"rate", options_.rate},     {"bytes", options_.bytes},     {"warmup_s", common_.warmup_s},
        {"seconds", common_.seconds}};
    if (flat_out()) { // nothing was due at any time
        result_.config["answer"] = options_.answer;
        result_.times["answer"] = answer_us_;
    } else {
        result_.times["latency"] = latency_;
    }
    result_.rates["events_per_s"] = static_cast<double>(events_) / common_.seconds;
    result_.rates["arrived_per_s"] = static_cast<double>(arrived_) / common_.seconds;
    result_.rates["events_per_frame"] =
        frames_ != 0 ? static_cast<double>(events_) / static_cast<double>(frames_) : 0;
    result_.counts = {{"sessions", options_.sessions},
                      {"events", events_},
                      {"missing_events", missing_},
                      {"repeated_events", repeated_},
                      {"connections_lost", lost_}};
    if (flat_out()) {
        result_.counts["answers"] = answers_;
    }
    judge();
    return result_;
}

// ---- idle

void PeerIdle::opened() {
    const int64_t settled = now_ns() + ns_of(common_.warmup_s);
    meter_.progress(
        [this] { return "holding " + std::to_string(peers_.size()) + " idle connections"; });
    rig_.loop.at(settled, [this] { meter_.begin(); });
    rig_.loop.at(settled + ns_of(common_.seconds), [this] {
        meter_.end(result_, 0, "");
        note_memory();
        rig_.loop.stop();
    });
}

Result PeerIdle::result() {
    run();
    result_.scenario = "peer";
    result_.config = {
        {"url", common_.url}, {"dialect", options_.dialect},  {"sessions", options_.sessions},
        {"idle", true},       {"warmup_s", common_.warmup_s}, {"seconds", common_.seconds}};
    result_.counts = {{"sessions", options_.sessions}, {"connections_lost", lost_}};
    if (lost_ != 0) {
        result_.broken.emplace_back("idle connections were lost: " + last_loss_);
    }
    return result_;
}

} // namespace

Result run_peer(const Common& common, const PeerOptions& options) {
    return options.idle ? PeerIdle(common, options).result() : PeerRun(common, options).result();
}

} // namespace mr::bench

#include "bench/tool/peer.h"

#include "bench/load/clock.h"

#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr uint64_t kSpareDescriptors = 64;
constexpr double kSpareS = 3; // events go on behind the measured time
constexpr int64_t kLookNs = 20 * kNsPerMs;
constexpr int64_t kSettleNs = 500 * kNsPerMs; // before memory is looked at
constexpr double kOpenLimitS = 60;            // beside the time that open_rate needs
constexpr double kBeginLimitS = 20;           // for all to begin
constexpr int64_t kStalledNs = 5 * kNsPerS;   // flat out: then the last answers do not come

// An earlier run's events may still be under way to its own sessions.
std::string session_of(uint64_t number) {
    return std::to_string(getpid()) + "-" + std::to_string(number);
}

std::string path_of(std::string path, uint64_t number) {
    constexpr std::string_view kPlace = "{session}";
    const size_t at = path.find(kPlace);
    return at == std::string::npos ? path : path.replace(at, kPlace.size(), session_of(number));
}

struct Peer {
    Peer(Clients& clients, ClientOwner& owner, uint64_t index)
        : number(index), client(clients, owner) {}
    const uint64_t number;
    Client client;
    uint64_t next_seq = 0; // of the answer
    int64_t asked_ns = 0;
    bool ready = false;
    bool begun = false;
    bool asking = false; // flat out: its answer is not whole
    bool past = false;   // events that are due behind the measured time have come
};

class PeerRun final : public ClientOwner {
  public:
    PeerRun(const Common& common, const PeerOptions& options, PeerDialect dialect);

    Result result();

  private:
    void client_open(Client& client) override;
    void client_text(Client& client, std::string_view message) override;
    void client_binary(Client& client, std::span<const uint8_t> bytes) override;
    void client_ended(Client& client, const std::string& why) override;

    Peer& peer_of(Client& client) { return *by_client_.at(&client); }
    void open_next();
    void became_ready(Peer& peer);
    void all_open();
    void note_memory();
    void ask_all();
    void ask(Peer& peer);
    bool take(Peer& peer, const PeerStamp& stamp, int64_t now); // it counts
    void whole(Peer& peer, int64_t now);
    bool flat_out() const { return options_.rate == 0; }
    void measure();
    void over();
    void until_all_past(int64_t limit);
    bool all_past() const;
    void fatal(const std::string& why);
    std::string line() const;
    void judge();

    const Common& common_;
    const PeerOptions& options_;
    const PeerDialect dialect_;
    Rig rig_;
    Meter meter_;
    Processes processes_;
    std::map<std::string, Usage> before_;
    std::vector<std::unique_ptr<Peer>> peers_;
    std::map<const Client*, Peer*> by_client_;
    int64_t first_ns_ = 0, from_ns_ = 0, until_ns_ = 0;
    int64_t last_ns_ = 0; // when an event came
    uint64_t opened_ = 0, ready_ = 0, begun_ = 0, all_past_ = 0, lost_ = 0;
    uint64_t asking_ = 0, answers_ = 0; // flat out
    uint64_t arrived_ = 0;              // in the measured time, whenever they were due
    uint64_t events_ = 0, frames_ = 0, missing_ = 0, repeated_ = 0;
    bool measuring_ = false, measured_ = false, counted_ = false;
    std::string fatal_, last_loss_;
    Histogram latency_, answer_us_;
    Result result_;
};

PeerRun::PeerRun(const Common& common, const PeerOptions& options, PeerDialect dialect)
    : common_(common), options_(options), dialect_(dialect), rig_(common),
      meter_(common, rig_.loop), processes_(watched_processes(common)),
      before_(processes_.usage(true)) {
    if (!raise_descriptors(options.sessions + kSpareDescriptors)) {
        throw std::runtime_error("the limit of open files is too low for " +
                                 std::to_string(options.sessions) + " connections: ulimit -n");
    }
    for (uint64_t i = 0; i < options.sessions; ++i) {
        peers_.push_back(std::make_unique<Peer>(rig_.clients, *this, i));
        by_client_[&peers_.back()->client] = peers_.back().get();
    }
}

void PeerRun::fatal(const std::string& why) {
    fatal_ = why;
    rig_.loop.stop();
}

// ---- opening

void PeerRun::open_next() {
    const double passed_s = static_cast<double>(rig_.loop.now() - first_ns_) / 1e9;
    const auto due = static_cast<uint64_t>(passed_s * common_.open_rate) + 1;
    while (opened_ < peers_.size() && opened_ < due) {
        Peer& peer = *peers_[opened_++];
        peer.client.connect({}, path_of(rig_.target.path, peer.number));
    }
    if (opened_ < peers_.size()) {
        rig_.loop.at(rig_.loop.now() + kNsPerMs, [this] { open_next(); });
    }
}

void PeerRun::client_open(Client& client) {
    if (ready_when_open(dialect_)) {
        became_ready(peer_of(client));
    }
}

void PeerRun::became_ready(Peer& peer) {
    if (!peer.ready) {
        peer.ready = true;
        if (++ready_ == peers_.size()) {
            rig_.loop.at(now_ns() + kSettleNs, [this] { all_open(); });
        }
    }
}

void PeerRun::client_ended(Client& client, const std::string& why) {
    if (counted_) {
        return;
    }
    last_loss_ = why;
    ++lost_;
    if (ready_ < peers_.size()) {
        fatal("the target does not take connection " + std::to_string(peer_of(client).number) +
              " (" + why + ")");
    } else if (lost_ == peers_.size()) { // nothing more will come
        if (measuring_) {
            meter_.end(result_, static_cast<double>(arrived_), "event");
        }
        rig_.loop.stop();
    }
}

void PeerRun::note_memory() {
    const auto per = [this](uint64_t now, uint64_t before) {
        return (static_cast<double>(now) - static_cast<double>(before)) /
               static_cast<double>(peers_.size());
    };
    for (const auto& [role, usage] : processes_.usage(true)) {
        result_.memory[role + "_private_per_connection"] =
            per(usage.private_kib, before_[role].private_kib);
        result_.memory[role + "_rss_per_connection"] = per(usage.rss_kib, before_[role].rss_kib);
    }
}

void PeerRun::all_open() {
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

void PeerRun::client_binary(Client& client, std::span<const uint8_t> bytes) {
    client_text(client, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void PeerRun::client_text(Client& client, std::string_view message) {
    Peer& peer = peer_of(client);
    const int64_t now = now_ns();
    PeerStamp stamp;
    bool any = false, counts = false;
    for (std::string_view rest = message; next_peer_stamp(rest, stamp); any = true) {
        counts |= take(peer, stamp, now);
    }
    frames_ += counts ? 1 : 0;
    if (any && dialect_ != PeerDialect::nats) { // whose frames hold all that was to be sent
        return;
    }
    const PeerTurn turn = take_message(dialect_, session_of(peer.number), message);
    if (turn.ready) {
        became_ready(peer);
    }
    if (!turn.reply.empty()) {
        client.send(turn.reply);
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
    first_ns_ = now_ns();
    rig_.loop.at(first_ns_, [this] { open_next(); });
    const double limit_s = kOpenLimitS + static_cast<double>(peers_.size()) / common_.open_rate;
    rig_.loop.at(first_ns_ + ns_of(limit_s), [this] {
        if (ready_ < peers_.size()) {
            fatal("only " + std::to_string(ready_) + " of " + std::to_string(peers_.size()) +
                  " connections were ready in time");
        }
    });
    meter_.progress([this] {
        return "opening: " + std::to_string(ready_) + " of " + std::to_string(peers_.size());
    });
    rig_.loop.run();
    counted_ = true;
    if (!fatal_.empty()) {
        throw std::runtime_error(fatal_);
    }
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

} // namespace

Result run_peer(const Common& common, const PeerOptions& options) {
    const std::optional<PeerDialect> dialect = peer_dialect(options.dialect);
    if (!dialect) {
        throw std::runtime_error("--dialect " + options.dialect +
                                 " is not plain, socketio or nats");
    }
    return PeerRun(common, options, *dialect).result();
}

} // namespace mr::bench

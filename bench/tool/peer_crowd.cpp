#include "bench/tool/peer_crowd.h"

#include "bench/load/clock.h"

#include <unistd.h>

#include <stdexcept>

namespace mr::bench {
namespace {

constexpr uint64_t kSpareDescriptors = 64;
constexpr int64_t kSettleNs = 500 * kNsPerMs; // before memory is looked at
constexpr double kOpenLimitS = 60;            // beside the time that open_rate needs

PeerDialect dialect_of(const std::string& name) {
    const std::optional<PeerDialect> dialect = peer_dialect(name);
    if (!dialect) {
        throw std::runtime_error("--dialect " + name + " is not plain, socketio or nats");
    }
    return *dialect;
}

std::string path_of(std::string path, const std::string& session) {
    constexpr std::string_view kPlace = "{session}";
    const size_t at = path.find(kPlace);
    return at == std::string::npos ? path : path.replace(at, kPlace.size(), session);
}

} // namespace

std::string PeerCrowd::session_of(uint64_t number) {
    return std::to_string(getpid()) + "-" + std::to_string(number);
}

PeerCrowd::PeerCrowd(const Common& common, const PeerOptions& options)
    : common_(common), options_(options), dialect_(dialect_of(options.dialect)), rig_(common),
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

void PeerCrowd::run() {
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
    over_ = true;
    if (!fatal_.empty()) {
        throw std::runtime_error(fatal_);
    }
}

void PeerCrowd::fatal(const std::string& why) {
    fatal_ = why;
    rig_.loop.stop();
}

void PeerCrowd::open_next() {
    const double passed_s = static_cast<double>(rig_.loop.now() - first_ns_) / 1e9;
    const auto due = static_cast<uint64_t>(passed_s * common_.open_rate) + 1;
    while (opened_ < peers_.size() && opened_ < due) {
        Peer& peer = *peers_[opened_++];
        peer.client.connect({}, path_of(rig_.target.path, session_of(peer.number)));
    }
    if (opened_ < peers_.size()) {
        rig_.loop.at(rig_.loop.now() + kNsPerMs, [this] { open_next(); });
    }
}

void PeerCrowd::client_open(Client& client) {
    if (ready_when_open(dialect_)) {
        became_ready(peer_of(client));
    }
}

void PeerCrowd::became_ready(Peer& peer) {
    if (!peer.ready) {
        peer.ready = true;
        if (++ready_ == peers_.size()) {
            rig_.loop.at(now_ns() + kSettleNs, [this] { opened(); });
        }
    }
}

void PeerCrowd::client_ended(Client& client, const std::string& why) {
    if (over_) {
        return;
    }
    last_loss_ = why;
    ++lost_;
    if (ready_ < peers_.size()) {
        fatal("the target does not take connection " + std::to_string(peer_of(client).number) +
              " (" + why + ")");
    } else if (lost_ == peers_.size()) {
        all_lost();
        rig_.loop.stop();
    }
}

void PeerCrowd::client_binary(Client& client, std::span<const uint8_t> bytes) {
    client_text(client, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void PeerCrowd::client_text(Client& client, std::string_view message) {
    Peer& peer = peer_of(client);
    const bool any = take_events(peer, message);
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

void PeerCrowd::note_memory() {
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

} // namespace mr::bench

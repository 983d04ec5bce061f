#include "bench/tool/crowd.h"

#include "bench/load/clock.h"

#include <algorithm>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr uint64_t kSpareDescriptors = 64;
constexpr int64_t kReconnectNs = 200 * kNsPerMs;
constexpr double kOpenLimitS = 60; // beside the time that open_rate needs

uint64_t us_between(int64_t from, int64_t to) {
    return static_cast<uint64_t>(std::max<int64_t>(0, to - from) / kNsPerUs);
}

} // namespace

Crowd::Crowd(const Common& common, uint64_t sessions)
    : common_(common), rig_(common), meter_(common, rig_.loop) {
    if (!raise_descriptors(sessions + kSpareDescriptors)) {
        throw std::runtime_error("the limit of open files is too low for " +
                                 std::to_string(sessions) + " connections: ulimit -n");
    }
    sessions_.reserve(sessions);
    for (uint64_t i = 0; i < sessions; ++i) {
        sessions_.push_back(std::make_unique<Session>(rig_.clients, *this, i));
    }
}

void Crowd::run() {
    first_ns_ = now_ns();
    rig_.loop.at(first_ns_, [this] { open_next(); });
    const double limit_s = kOpenLimitS + static_cast<double>(sessions_.size()) / common_.open_rate;
    rig_.loop.at(first_ns_ + ns_of(limit_s), [this] {
        if (!all_open_) {
            give_up("only " + std::to_string(ready_) + " of " + std::to_string(sessions_.size()) +
                    " sessions could be opened");
        }
    });
    meter_.progress([this] {
        return "opening: " + std::to_string(ready_) + " of " + std::to_string(sessions_.size()) +
               " sessions";
    });
    rig_.loop.run();
    if (!fatal_.empty()) {
        throw std::runtime_error(fatal_ + (last_loss_.empty() ? "" : " (" + last_loss_ + ")"));
    }
}

void Crowd::give_up(const std::string& why) {
    fatal_ = why;
    rig_.loop.stop();
}

void Crowd::open_next() {
    const double passed_s = static_cast<double>(rig_.loop.now() - first_ns_) / 1e9;
    const auto due = static_cast<uint64_t>(passed_s * common_.open_rate) + 1;
    while (begun_ < sessions_.size() && begun_ < due) {
        sessions_[begun_++]->open();
    }
    if (begun_ < sessions_.size()) {
        rig_.loop.at(rig_.loop.now() + kNsPerMs, [this] { open_next(); });
    }
}

void Crowd::session_ready(Session& session, bool resumed) {
    const Client& client = session.client();
    connect_us_.add(us_between(client.begun_ns(), client.connected_ns()));
    if (client.secured_ns() != 0) {
        tls_us_.add(us_between(client.connected_ns(), client.secured_ns()));
    }
    upgrade_us_.add(us_between(std::max(client.connected_ns(), client.secured_ns()), now_ns()));
    if (!resumed && !all_open_ && ++ready_ == sessions_.size()) {
        all_open_ = true;
        rig_.loop.at(0, [this] { opened(); });
    }
}

// Before all are open a failed connection is tried again, as a browser does; when most fail, the
// target is wrong.
void Crowd::session_lost(Session& session, const std::string& why) {
    if (leaving_) {
        return;
    }
    last_loss_ = why;
    if (all_open_) {
        ++lost_;
    } else if (++failed_ > sessions_.size() + 2) {
        return give_up("the target does not take connections");
    }
    rig_.loop.at(now_ns() + kReconnectNs, [this, &session] {
        if (!leaving_ && session.client().is_idle()) {
            session.open();
        }
    });
}

void Crowd::note(Result& result) const {
    result.times["connect"] = connect_us_;
    if (tls_us_.count() != 0) {
        result.times["tls_handshake"] = tls_us_;
        result.counts["tls_full"] = rig_.full_handshakes;
        result.counts["tls_resumed"] = rig_.resumed_handshakes;
    }
    result.times["upgrade"] = upgrade_us_;
    result.counts["sessions"] = sessions_.size();
    result.counts["connections_lost"] = lost_;
    if (!last_loss_.empty()) {
        result.counts["last_loss"] = last_loss_;
    }
    Exactness all;
    for (const auto& session : sessions_) {
        all.add(session->exactness());
    }
    result.counts["repeated_events"] = all.repeated;
    result.counts["missing_events"] = all.gaps;
    result.counts["text_gaps"] = all.text_gaps;
    result.counts["wrong_lengths"] = all.wrong_ends;
    result.counts["not_recovered"] = all.not_recovered;
    if (all.violations() != 0) {
        result.broken.emplace_back("events were lost, repeated or out of order");
    }
}

} // namespace mr::bench

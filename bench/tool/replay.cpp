#include "bench/tool/replay.h"

#include "bench/load/clock.h"
#include "bench/tool/crowd.h"
#include "bench/tool/turn_figures.h"

#include <algorithm>
#include <deque>
#include <fstream>
#include <stdexcept>
#include <tuple>

namespace mr::bench {
namespace {

uint64_t sessions_of(const std::vector<TraceEntry>& trace) {
    uint64_t most = 0;
    for (const TraceEntry& entry : trace) {
        most = std::max(most, entry.session + 1);
    }
    return most;
}

class Replay final : public Crowd {
  public:
    Replay(const Common& common, const ReplayOptions& options, std::vector<TraceEntry> trace)
        : Crowd(common, sessions_of(trace)), options_(options), trace_(std::move(trace)),
          figures_(options.slo), waiting_(sessions_.size()) {}

    Result result();

  private:
    struct Question {
        const std::string* text;
        int64_t planned;
    };

    void opened() override;
    void session_ready(Session& session, bool resumed) override;
    void session_turn_over(Session& session) override;
    void session_event(Session&, const EventView& event, int64_t) override {
        figures_.add_phase(event);
    }
    void session_chunk(Session&, const EventView&, int64_t, int64_t since) override;
    void next();
    void ask(Session& session);

    const ReplayOptions& options_;
    std::vector<TraceEntry> trace_;
    TurnFigures figures_;
    std::vector<std::deque<Question>> waiting_; // of each session: it answers one after the other
    size_t next_ = 0;
    int64_t begun_ = 0;
    Result result_;
};

void Replay::opened() {
    begun_ = now_ns();
    meter_.progress([this] {
        return std::to_string(next_) + " of " + std::to_string(trace_.size()) + " asked, " +
               std::to_string(figures_.over()) + " answered";
    });
    meter_.begin();
    next();
}

void Replay::next() {
    const auto due = [this](const TraceEntry& entry) {
        return begun_ + ns_of(entry.at_s / options_.speed);
    };
    while (next_ < trace_.size() && due(trace_[next_]) <= now_ns()) {
        const TraceEntry& entry = trace_[next_++];
        meter_.lag_us.add(static_cast<uint64_t>((now_ns() - due(entry)) / kNsPerUs));
        waiting_[entry.session].push_back({&entry.question, due(entry)});
        ask(*sessions_[entry.session]);
    }
    const int64_t when = next_ < trace_.size() ? due(trace_[next_]) : 0;
    if (when != 0) {
        rig_.loop.at(when, [this] { next(); });
    } else {
        rig_.loop.at(now_ns() + ns_of(options_.grace_s), [this] { finish(); });
    }
}

void Replay::ask(Session& session) {
    auto& waiting = waiting_[session.number];
    if (!waiting.empty() && session.ready()) {
        const Question question = waiting.front();
        waiting.pop_front();
        session.ask(*question.text, question.planned);
    }
}

void Replay::session_ready(Session& session, bool resumed) {
    Crowd::session_ready(session, resumed);
    rig_.loop.at(0, [this, &session] { ask(session); });
}

void Replay::session_chunk(Session&, const EventView&, int64_t, int64_t since) {
    if (since != 0) {
        figures_.add_gap(since);
    }
}

void Replay::session_turn_over(Session& session) {
    figures_.add(session.turn());
    if (figures_.over() == trace_.size()) {
        finish();
    } else {
        rig_.loop.at(0, [this, &session] { ask(session); });
    }
}

Result Replay::result() {
    run();
    leaving_ = true;
    meter_.end(result_, static_cast<double>(figures_.over()), "turn");
    result_.scenario = "replay";
    result_.config = {{"url", common_.url}, {"trace", options_.trace}, {"speed", options_.speed}};
    note(result_);
    figures_.note(result_, trace_.size(), result_.measured_s);
    return result_;
}

} // namespace

std::vector<TraceEntry> read_trace(const std::string& path) {
    std::ifstream file(path);
    if (!file) {
        throw std::runtime_error("cannot read the trace " + path);
    }
    std::vector<TraceEntry> trace;
    std::map<std::string, uint64_t> sessions;
    size_t number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        if (line.empty()) {
            continue;
        }
        const Json json = Json::parse(line, nullptr, false);
        if (!json.is_object() || !json.value("at_ms", Json()).is_number() ||
            !json.value("session", Json()).is_string() ||
            !json.value("question", Json()).is_string()) {
            throw std::runtime_error(path + ":" + std::to_string(number) +
                                     R"( is not {"at_ms":1250,"session":"a","question":"..."})");
        }
        const auto session = sessions.emplace(json["session"], sessions.size()).first->second;
        trace.push_back({json["at_ms"].get<double>() / 1000, session, json["question"], number});
    }
    if (trace.empty()) {
        throw std::runtime_error("the trace " + path + " has no question in it");
    }
    std::sort(trace.begin(), trace.end(), [](const TraceEntry& one, const TraceEntry& other) {
        return std::tie(one.at_s, one.line) < std::tie(other.at_s, other.line);
    });
    return trace;
}

Result run_replay(const Common& common, const ReplayOptions& options) {
    return Replay(common, options, read_trace(options.trace)).result();
}

} // namespace mr::bench

#include "bench/tool/relay.h"

#include "bench/load/clock.h"
#include "bench/tool/crowd.h"

#include <algorithm>

namespace mr::bench {
namespace {

constexpr double kSpareS = 3; // the answers go on behind the measured time
constexpr int64_t kLookNs = 20 * kNsPerMs;
constexpr double kBeginLimitS = 60;         // for all answers to begin
constexpr double kStopLimitS = 20;          // for all to be stopped
constexpr uint64_t kMaxChunks = 1'000'000;  // worker/providers/scripted/script.h
constexpr int64_t kStalledNs = 5 * kNsPerS; // flat out: then the last answers do not come

class Relay final : public Crowd {
  public:
    Relay(const Common& common, const RelayOptions& options)
        : Crowd(common, options.sessions), options_(options), next_index_(options.sessions),
          has_begun_(options.sessions), past_(options.sessions) {}

    Result result();

  private:
    void opened() override;
    void session_turn_over(Session& session) override;
    void session_chunk(Session& session, const EventView&, int64_t, int64_t) override;
    void session_event(Session& session, const EventView& event, int64_t now) override;
    void take_answer(const Turn& turn);
    void ask(Session& session);
    void all_begun();
    void over();
    void until_all_past(int64_t limit);
    bool all_past() const;
    bool flat_out() const { return options_.rate == 0; }
    void stop_answers();
    void until_all_stopped(int64_t limit);
    uint64_t chunks() const;

    const RelayOptions& options_;
    std::vector<uint64_t> next_index_; // of each session's answer
    std::vector<bool> has_begun_;
    std::vector<bool> past_; // events that are due behind the measured time have come
    int64_t from_us_ = 0, until_us_ = 0;
    int64_t last_ns_ = 0; // when an event came
    uint64_t begun_ = 0, all_past_ = 0, frames_ = 0, events_ = 0, bytes_ = 0, missing_ = 0;
    uint64_t answers_ = 0; // whole ones in the measured time, flat out
    bool measuring_ = false, measured_ = false, all_begun_ = false, stopping_ = false;
    Histogram latency_, answer_us_;
    Result result_;
};

uint64_t Relay::chunks() const {
    if (flat_out()) {
        return options_.chunks;
    }
    const double seconds = common_.warmup_s + common_.seconds + kSpareS +
                           static_cast<double>(options_.sessions) / common_.open_rate;
    return std::min(kMaxChunks,
                    static_cast<uint64_t>(seconds * static_cast<double>(options_.rate)));
}

// The questions are spread over a second: events of different answers are due at any time.
void Relay::opened() {
    const int64_t now = now_ns();
    for (size_t i = 0; i < sessions_.size(); ++i) {
        const auto share = static_cast<double>(i) / static_cast<double>(sessions_.size());
        const double spread_s =
            std::max(1.0, static_cast<double>(sessions_.size()) / common_.open_rate);
        rig_.loop.at(now + ns_of(spread_s * share), [this, i] { ask(*sessions_[i]); });
    }
    rig_.loop.at(now + ns_of(kBeginLimitS), [this] {
        if (!all_begun_) {
            result_.broken.emplace_back("only " + std::to_string(begun_) +
                                        " answers have begun (does the target serve the app "
                                        "bench? ./mr up --bench)");
            finish();
        }
    });
    meter_.progress(
        [this] {
            char line[160];
            std::snprintf(
                line, sizeof(line), "%s %llu of %zu answers, %llu events, p50 %.2f p99 %.2f ms",
                measuring_ ? "measuring," : "warming up,", static_cast<unsigned long long>(begun_),
                sessions_.size(), static_cast<unsigned long long>(events_),
                static_cast<double>(latency_.quantile(0.5)) / 1000,
                static_cast<double>(latency_.quantile(0.99)) / 1000);
            return std::string(line);
        },
        [this] {
            return Json{{"events", events_},
                        {"p99_ms", static_cast<double>(latency_.quantile(0.99)) / 1000}};
        });
}

void Relay::ask(Session& session) {
    next_index_[session.number] = 0;
    std::string script = "tools=" + std::to_string(options_.tools) +
                         " stamp=1 seed=" + std::to_string(session.number + 1) +
                         " chunks=" + std::to_string(chunks()) +
                         " bytes=" + std::to_string(options_.bytes) +
                         " rate=" + std::to_string(options_.rate);
    session.ask(script, now_ns());
}

void Relay::session_chunk(Session& session, const EventView& event, int64_t, int64_t) {
    uint64_t& next = next_index_[session.number];
    if (!has_begun_[session.number]) {
        has_begun_[session.number] = true;
        if (++begun_ == sessions_.size()) {
            rig_.loop.at(0, [this] { all_begun(); });
        }
    }
    const int64_t now = wall_us();
    std::string_view text = event.content;
    Stamp stamp;
    bool counted = false;
    while (next_stamp(text, stamp)) {
        missing_ += stamp.index != next ? 1 : 0;
        next = stamp.index + 1;
        const int64_t when = flat_out() ? now : stamp.due_us;
        if (until_us_ != 0 && when >= until_us_ && !past_[session.number]) {
            past_[session.number] = true;
            ++all_past_;
        }
        if (when >= from_us_ && when < until_us_) {
            ++events_;
            counted = true;
            latency_.add(static_cast<uint64_t>(std::max<int64_t>(0, now - stamp.due_us)));
        }
    }
    if (counted) {
        ++frames_;
        bytes_ += event.content.size();
    }
}

// Flat out, what is no text counts as well: it is part of the answer.
void Relay::session_event(Session&, const EventView& event, int64_t now) {
    last_ns_ = now;
    if (flat_out() && measuring_ && event.type != "text_chunk") {
        ++events_;
        ++frames_;
    }
}

void Relay::all_begun() {
    all_begun_ = true;
    from_us_ = wall_us() + static_cast<int64_t>(common_.warmup_s * 1e6);
    until_us_ = from_us_ + static_cast<int64_t>(common_.seconds * 1e6);
    const int64_t now = now_ns();
    rig_.loop.at(now + ns_of(common_.warmup_s), [this] {
        measuring_ = true;
        meter_.begin();
    });
    rig_.loop.at(now + ns_of(common_.warmup_s + common_.seconds), [this] { over(); });
}

void Relay::take_answer(const Turn& turn) {
    ++answers_;
    answer_us_.add(static_cast<uint64_t>((turn.ended - turn.asked) / kNsPerUs));
}

void Relay::session_turn_over(Session& session) {
    if (stopping_) {
        return;
    }
    if (session.turn().ok && flat_out()) {
        if (measuring_) {
            take_answer(session.turn());
        }
        if (!measured_) {
            rig_.loop.at(0, [this, &session] { ask(session); });
        }
    } else if (!session.turn().ok) {
        result_.broken.emplace_back("a worker did not write an answer to its end");
        finish();
    }
}

void Relay::over() {
    measuring_ = false;
    measured_ = true;
    meter_.end(result_, static_cast<double>(events_), "event");
    until_all_past(now_ns() + ns_of(kSpareS));
}

bool Relay::all_past() const {
    if (!flat_out()) {
        return all_past_ == sessions_.size();
    }
    return std::none_of(sessions_.begin(), sessions_.end(),
                        [](const auto& session) { return session->asking(); });
}

// What is due in the measured time may still be under way, and so may the last answers.
void Relay::until_all_past(int64_t limit) {
    const int64_t now = now_ns();
    if (all_past() || now >= (flat_out() ? last_ns_ + kStalledNs : limit)) {
        return stop_answers();
    }
    rig_.loop.at(now + kLookNs, [this, limit] { until_all_past(limit); });
}

void Relay::stop_answers() {
    stopping_ = true;
    if (!options_.stop_answers) {
        return finish();
    }
    for (const auto& session : sessions_) {
        if (session->asking()) {
            session->send(R"({"type":"cancel"})");
        }
    }
    until_all_stopped(now_ns() + ns_of(kStopLimitS));
}

void Relay::until_all_stopped(int64_t limit) {
    const bool any = std::any_of(sessions_.begin(), sessions_.end(),
                                 [](const auto& session) { return session->asking(); });
    if (!any || now_ns() >= limit) {
        if (any) {
            result_.broken.emplace_back("answers could not be stopped");
        }
        return finish();
    }
    rig_.loop.at(now_ns() + kLookNs, [this, limit] { until_all_stopped(limit); });
}

Result Relay::result() {
    run();
    leaving_ = true;
    result_.scenario = "relay";
    result_.config = {{"url", common_.url},           {"sessions", options_.sessions},
                      {"rate", options_.rate},        {"bytes", options_.bytes},
                      {"warmup_s", common_.warmup_s}, {"seconds", common_.seconds}};
    note(result_);
    result_.times["latency"] = latency_;
    if (flat_out()) {
        result_.config["chunks"] = options_.chunks;
        result_.config["tools"] = options_.tools;
        result_.times["answer"] = answer_us_;
        result_.counts["answers"] = answers_;
        if (measured_ && !all_past()) {
            result_.broken.emplace_back("not all sessions have had the end of their answers");
        }
    }
    result_.rates["events_per_s"] = static_cast<double>(events_) / common_.seconds;
    result_.rates["events_per_frame"] =
        frames_ != 0 ? static_cast<double>(events_) / static_cast<double>(frames_) : 0;
    result_.counts["events"] = events_;
    result_.counts["frames"] = frames_;
    result_.counts["text_bytes"] = bytes_;
    result_.counts["missing_stamps"] = missing_;
    if (!flat_out() && all_begun_) {
        const double offered =
            static_cast<double>(options_.rate * options_.sessions) * common_.seconds;
        const double delivered = static_cast<double>(events_) / offered;
        result_.rates["delivered"] = delivered;
        if (delivered < options_.least_delivered) {
            result_.broken.emplace_back("less was delivered than was due");
        }
    }
    if (missing_ != 0) {
        result_.broken.emplace_back("stamps are missing or out of order");
    }
    return result_;
}

} // namespace

Result run_relay(const Common& common, const RelayOptions& options) {
    return Relay(common, options).result();
}

} // namespace mr::bench

#include "bench/tool/storm.h"

#include "bench/load/clock.h"
#include "bench/tool/crowd.h"

namespace mr::bench {
namespace {

class Storm final : public Crowd {
  public:
    Storm(const Common& common, const StormOptions& options)
        : Crowd(common, options.sessions), options_(options) {}

    Result result();

  private:
    void opened() override;
    void session_ready(Session& session, bool resumed) override;
    void session_turn_over(Session& session) override;
    void session_chunk(Session& session, const EventView&, int64_t now, int64_t) override;
    void cut();

    const StormOptions& options_;
    int64_t cut_at_ = 0;
    uint64_t back_ = 0, over_ = 0, going_on_ = 0;
    std::vector<bool> first_after_;
    Histogram back_us_, next_event_us_;
    Result result_;
};

void Storm::opened() {
    const auto chunks = static_cast<uint64_t>((common_.warmup_s + common_.seconds) *
                                              static_cast<double>(options_.rate));
    const std::string script =
        "tools=0 bytes=80 chunks=" + std::to_string(std::max<uint64_t>(1, chunks)) +
        " rate=" + std::to_string(options_.rate);
    for (const auto& session : sessions_) {
        session->ask(script, now_ns());
    }
    first_after_.assign(sessions_.size(), false);
    rig_.loop.at(now_ns() + ns_of(common_.warmup_s), [this] { cut(); });
    meter_.progress([this] {
        return cut_at_ == 0 ? "answers are being written"
                            : std::to_string(back_) + " of " + std::to_string(sessions_.size()) +
                                  " are back, " + std::to_string(over_) + " answers are whole";
    });
}

void Storm::cut() {
    meter_.begin();
    cut_at_ = now_ns();
    for (const auto& session : sessions_) {
        session->vanish();
    }
    for (const auto& session : sessions_) {
        session->open();
    }
    rig_.loop.at(cut_at_ + ns_of(options_.limit_s + common_.seconds), [this] { finish(); });
}

void Storm::session_ready(Session& session, bool resumed) {
    Crowd::session_ready(session, resumed);
    if (resumed) {
        back_us_.add(static_cast<uint64_t>((now_ns() - cut_at_) / kNsPerUs));
        if (++back_ == sessions_.size()) {
            meter_.end(result_, static_cast<double>(back_), "return");
        }
    }
}

void Storm::session_chunk(Session& session, const EventView&, int64_t now, int64_t) {
    if (cut_at_ != 0 && !first_after_[session.number]) {
        first_after_[session.number] = true;
        next_event_us_.add(static_cast<uint64_t>((now - cut_at_) / kNsPerUs));
    }
}

void Storm::session_turn_over(Session& session) {
    going_on_ += session.turn().ok ? 1 : 0;
    if (++over_ == sessions_.size()) {
        finish();
    }
}

Result Storm::result() {
    run();
    leaving_ = true;
    result_.scenario = "storm";
    result_.config = {{"url", common_.url},
                      {"sessions", options_.sessions},
                      {"rate", options_.rate},
                      {"seed", common_.seed}};
    note(result_);
    result_.times["until_back"] = back_us_;
    result_.times["until_next_text"] = next_event_us_;
    result_.counts["back"] = back_;
    result_.counts["answers_whole"] = going_on_;
    if (back_ != 0 && back_us_.max() > 0) {
        result_.rates["returns_per_s"] =
            1e6 * static_cast<double>(back_) / static_cast<double>(back_us_.max());
    }
    if (back_ < sessions_.size()) {
        result_.broken.emplace_back("not every session came back");
    } else if (going_on_ < sessions_.size()) {
        result_.broken.emplace_back("not every answer came to its end");
    }
    return result_;
}

} // namespace

Result run_storm(const Common& common, const StormOptions& options) {
    return Storm(common, options).result();
}

} // namespace mr::bench

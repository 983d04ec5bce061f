#include "bench/tool/chat.h"

#include "bench/load/clock.h"
#include "bench/tool/crowd.h"
#include "bench/tool/turn_figures.h"

#include <deque>
#include <random>
#include <stdexcept>

namespace mr::bench {
namespace {

const std::vector<std::string> kQuestions = {
    "How much have we invoiced on the Harbor Point project?",
    "Which invoices of Riverside Tower are overdue?",
    "Show me the costs of Harbor Point by category as a chart.",
    "Who is our contact for the Northgate deal?",
};

class Chat final : public Crowd {
  public:
    Chat(const Common& common, const ChatOptions& options)
        : Crowd(common, options.sessions), options_(options), figures_(options.slo),
          random_(common.seed),
          questions_(options.questions.empty() ? kQuestions : options.questions) {}

    Result result();

  private:
    void opened() override;
    void session_ready(Session& session, bool resumed) override;
    void session_turn_over(Session& session) override;
    void session_event(Session& session, const EventView& event, int64_t now) override;
    void session_chunk(Session&, const EventView&, int64_t now, int64_t since) override;

    void arrive();
    int64_t next_gap();
    void ask(Session& session, int64_t planned);
    void next_of(Session& session);
    void measured_over();
    void look_for_end();
    bool in_window(int64_t time) const { return time >= from_ && time < until_; }

    const ChatOptions& options_;
    TurnFigures figures_;
    std::mt19937_64 random_;
    const std::vector<std::string>& questions_;
    std::deque<Session*> idle_;   // those that are ready, and maybe some that no longer are
    std::deque<int64_t> waiting_; // planned, but every session is busy
    int64_t from_ = 0, until_ = 0, planned_ = 0;
    uint64_t asked_ = 0, measured_ = 0, chunks_ = 0, errors_ = 0, waited_ = 0;
    Result result_;
    bool measured_done_ = false;
};

void Chat::opened() {
    from_ = now_ns() + ns_of(common_.warmup_s);
    until_ = from_ + ns_of(common_.seconds);
    meter_.progress(
        [this] {
            char line[160];
            std::snprintf(line, sizeof(line),
                          "%s %.0f s left: %llu asked, %llu answered, %llu waiting, first text p50 "
                          "%.0f ms",
                          now_ns() < from_ ? "warming up," : "measuring,",
                          static_cast<double>(until_ - now_ns()) / 1e9,
                          static_cast<unsigned long long>(asked_),
                          static_cast<unsigned long long>(figures_.over()),
                          static_cast<unsigned long long>(waiting_.size()),
                          static_cast<double>(figures_.first_text().quantile(0.5)) / 1000);
            return std::string(line);
        },
        [this] {
            return Json{{"asked", asked_}, {"answered", figures_.over()}, {"chunks", chunks_}};
        });
    rig_.loop.at(from_, [this] { meter_.begin(); });
    rig_.loop.at(until_, [this] { measured_over(); });
    planned_ = now_ns();
    for (const auto& session : sessions_) {
        if (options_.closed) {
            ask(*session, now_ns());
        } else {
            idle_.push_back(session.get());
        }
    }
    if (!options_.closed) {
        arrive();
    }
}

int64_t Chat::next_gap() {
    if (options_.constant) {
        return ns_of(1 / options_.rate);
    }
    return ns_of(std::exponential_distribution<double>(options_.rate)(random_));
}

void Chat::arrive() {
    while (planned_ <= now_ns()) {
        if (planned_ >= until_) {
            return;
        }
        meter_.lag_us.add(static_cast<uint64_t>((now_ns() - planned_) / kNsPerUs));
        while (!idle_.empty() && !idle_.front()->ready()) {
            idle_.pop_front(); // lost: session_ready brings it back
        }
        if (idle_.empty()) {
            waiting_.push_back(planned_);
            waited_ += in_window(planned_) ? 1 : 0;
        } else {
            Session* session = idle_.front();
            idle_.pop_front();
            ask(*session, planned_);
        }
        planned_ += next_gap();
    }
    rig_.loop.at(planned_, [this] { arrive(); });
}

void Chat::ask(Session& session, int64_t planned) {
    if (!session.ask(questions_[asked_ % questions_.size()], planned)) {
        waiting_.push_front(planned); // it is coming back from a loss
        return;
    }
    ++asked_;
    measured_ += in_window(planned) ? 1 : 0;
}

void Chat::session_ready(Session& session, bool resumed) {
    Crowd::session_ready(session, resumed);
    if (resumed && !session.asking()) {
        next_of(session);
    }
}

// It has nothing to do.
void Chat::next_of(Session& session) {
    if (!waiting_.empty()) {
        const int64_t planned = waiting_.front();
        waiting_.pop_front();
        rig_.loop.at(0, [this, &session, planned] { ask(session, planned); });
    } else if (!options_.closed) {
        idle_.push_back(&session);
    } else if (now_ns() < until_) {
        const int64_t next = now_ns() + ns_of(options_.think_s);
        rig_.loop.at(next, [this, &session, next] { ask(session, next); });
    }
}

void Chat::session_event(Session& session, const EventView& event, int64_t) {
    if (event.type == "error") {
        ++errors_;
    } else if (in_window(session.turn().planned)) {
        figures_.add_phase(event);
    }
}

void Chat::session_chunk(Session& session, const EventView&, int64_t, int64_t since) {
    ++chunks_;
    if (since != 0 && in_window(session.turn().planned)) {
        figures_.add_gap(since);
    }
}

void Chat::session_turn_over(Session& session) {
    if (in_window(session.turn().planned)) {
        figures_.add(session.turn());
    }
    next_of(session);
    look_for_end();
}

void Chat::measured_over() {
    meter_.end(result_, static_cast<double>(figures_.over()), "turn");
    measured_done_ = true;
    rig_.loop.at(now_ns() + ns_of(options_.grace_s), [this] { finish(); });
    look_for_end();
}

void Chat::look_for_end() {
    if (measured_done_ && figures_.over() >= measured_ && waiting_.empty()) {
        finish();
    }
}

Result Chat::result() {
    run();
    result_.scenario = "chat";
    result_.config = {{"url", common_.url},           {"sessions", options_.sessions},
                      {"rate", options_.rate},        {"constant", options_.constant},
                      {"closed", options_.closed},    {"think_s", options_.think_s},
                      {"warmup_s", common_.warmup_s}, {"seconds", common_.seconds},
                      {"seed", common_.seed},         {"questions", questions_},
                      {"slo_ms", options_.slo}};
    note(result_);
    figures_.note(result_, measured_ + waiting_.size(), common_.seconds);
    result_.counts["turns_that_waited_for_a_session"] = waited_;
    result_.counts["errors"] = errors_;
    result_.counts["chunks"] = chunks_;
    return result_;
}

} // namespace

Result run_chat(const Common& common, const ChatOptions& options) {
    return Chat(common, options).result();
}

} // namespace mr::bench

#include "bench/tool/deploy.h"

#include "bench/load/clock.h"
#include "bench/tool/crowd.h"
#include "bench/tool/turn_figures.h"

#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

extern char** environ;

namespace mr::bench {
namespace {

constexpr int64_t kLookNs = 10 * kNsPerMs;

class Deploy final : public Crowd {
  public:
    Deploy(const Common& common, const DeployOptions& options)
        : Crowd(common, options.sessions), options_(options) {}

    Result result();

  private:
    struct Action {
        std::string command;
        int64_t begun = 0, ended = 0;
        int64_t quiet_again = 0; // all connected, every session has had a text since
        uint64_t lost = 0;       // connections
        int status = -1;
    };

    void opened() override;
    void session_ready(Session& session, bool resumed) override;
    void session_lost(Session& session, const std::string& why) override;
    void session_turn_over(Session& session) override;
    void session_chunk(Session& session, const EventView&, int64_t now, int64_t since) override;
    void ask(Session& session);
    void act();
    void await_end(pid_t pid);
    void look(size_t action);
    void go_on();
    void stop_asking();
    std::string script() const;

    const DeployOptions& options_;
    TurnFigures figures_;
    std::vector<Action> actions_;
    std::vector<int64_t> last_text_;
    uint64_t asked_ = 0;
    bool asking_ = true;
    Result result_;
};

std::string Deploy::script() const {
    const auto chunks =
        std::max(1.0, std::round(options_.turn_s * static_cast<double>(options_.rate)));
    return "tools=0 bytes=80 chunks=" + std::to_string(static_cast<uint64_t>(chunks)) +
           " rate=" + std::to_string(options_.rate);
}

void Deploy::opened() {
    last_text_.assign(sessions_.size(), 0);
    meter_.progress(
        [this] {
            return std::to_string(actions_.size()) + " of " +
                   std::to_string(options_.actions.size()) + " actions, " +
                   std::to_string(figures_.over()) + " answers, " + std::to_string(lost_) +
                   " connections lost";
        },
        [this] { return Json{{"answers", figures_.over()}, {"lost", lost_}}; });
    meter_.begin();
    for (const auto& session : sessions_) { // spread, so that some begin at any time
        const double at = options_.turn_s * static_cast<double>(session->number) /
                          static_cast<double>(sessions_.size());
        rig_.loop.at(now_ns() + ns_of(at), [this, &session] { ask(*session); });
    }
    rig_.loop.at(now_ns() + ns_of(options_.between_s), [this] { act(); });
}

void Deploy::ask(Session& session) {
    if (asking_ && session.ask(script(), now_ns())) {
        ++asked_;
    }
}

// It has come back without an answer under way: one was just over when the connection went.
void Deploy::session_ready(Session& session, bool resumed) {
    Crowd::session_ready(session, resumed);
    if (resumed && !session.asking()) {
        rig_.loop.at(0, [this, &session] { ask(session); });
    }
}

void Deploy::session_lost(Session& session, const std::string& why) {
    if (!actions_.empty() && !leaving_) {
        ++actions_.back().lost;
    }
    Crowd::session_lost(session, why);
}

void Deploy::session_chunk(Session& session, const EventView&, int64_t now, int64_t since) {
    last_text_[session.number] = now;
    if (since != 0) {
        figures_.add_gap(since);
    }
}

void Deploy::session_turn_over(Session& session) {
    figures_.add(session.turn());
    if (!asking_ && figures_.over() >= asked_) {
        return finish();
    }
    rig_.loop.at(0, [this, &session] { ask(session); });
}

void Deploy::act() {
    Action action;
    action.command = options_.actions[actions_.size()];
    action.begun = now_ns();
    std::string shell = "/bin/sh", flag = "-c";
    char* argv[] = {shell.data(), flag.data(), action.command.data(), nullptr};
    pid_t pid = 0;
    const bool runs = posix_spawn(&pid, "/bin/sh", nullptr, nullptr, argv, environ) == 0;
    actions_.push_back(std::move(action));
    if (runs) {
        await_end(pid);
    } else {
        result_.broken.emplace_back("the shell cannot be started");
        finish();
    }
}

void Deploy::await_end(pid_t pid) {
    Action& action = actions_.back();
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) == 0) {
        rig_.loop.at(now_ns() + kLookNs, [this, pid] { await_end(pid); });
        return;
    }
    action.ended = now_ns();
    action.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    look(actions_.size() - 1);
    rig_.loop.at(now_ns() + ns_of(options_.between_s), [this] { go_on(); });
}

// Users go on asking until they have what they had before, or have waited for too long.
void Deploy::go_on() {
    const Action& action = actions_.back();
    if (action.quiet_again == 0 && now_ns() < action.ended + ns_of(options_.grace_s)) {
        rig_.loop.at(now_ns() + kLookNs, [this] { go_on(); });
    } else if (actions_.size() < options_.actions.size()) {
        act();
    } else {
        stop_asking();
    }
}

// Until the users have what they had before it.
void Deploy::look(size_t number) {
    Action& action = actions_[number];
    const bool quiet = std::all_of(sessions_.begin(), sessions_.end(), [&](const auto& session) {
        return session->connected() && last_text_[session->number] > action.ended;
    });
    if (quiet) {
        action.quiet_again = now_ns();
    } else if (asking_) {
        rig_.loop.at(now_ns() + kLookNs, [this, number] { look(number); });
    }
}

void Deploy::stop_asking() {
    asking_ = false;
    if (figures_.over() >= asked_) {
        return finish();
    }
    rig_.loop.at(now_ns() + ns_of(options_.grace_s), [this] { finish(); });
}

Result Deploy::result() {
    run();
    leaving_ = true;
    meter_.end(result_, static_cast<double>(figures_.over()), "turn");
    result_.scenario = "deploy";
    result_.config = {{"url", common_.url},
                      {"sessions", options_.sessions},
                      {"rate", options_.rate},
                      {"actions", options_.actions}};
    note(result_);
    figures_.note(result_, asked_, result_.measured_s);
    Histogram recovery;
    Json told = Json::array();
    for (const Action& action : actions_) {
        told.push_back({{"command", action.command},
                        {"exit_code", action.status},
                        {"took_ms", static_cast<double>(action.ended - action.begun) / 1e6},
                        {"connections_lost", action.lost},
                        {"recovered_after_ms",
                         action.quiet_again != 0
                             ? Json(static_cast<double>(action.quiet_again - action.begun) / 1e6)
                             : Json()}});
        if (action.quiet_again != 0) {
            recovery.add(static_cast<uint64_t>((action.quiet_again - action.begun) / kNsPerUs));
        } else {
            result_.broken.emplace_back("not everybody had text again after: " + action.command);
        }
        if (action.status != 0) {
            result_.broken.emplace_back("exit code " + std::to_string(action.status) +
                                        " of: " + action.command);
        }
    }
    result_.times["recovery"] = recovery;
    result_.counts["actions"] = told;
    if (figures_.failed() != 0) {
        result_.broken.emplace_back("answers failed");
    }
    return result_;
}

} // namespace

Result run_deploy(const Common& common, const DeployOptions& options) {
    if (options.actions.empty()) {
        throw std::runtime_error("--do names no action, such as --do 'kill -HUP <pid of nginx>'");
    }
    return Deploy(common, options).result();
}

} // namespace mr::bench

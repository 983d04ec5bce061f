// A turn whose course stands in the question, for tests of everything around the pipeline. Words,
// run one after the other:
//
//   say:TEXT    a piece of the answer
//   count:N     N pieces "0 1 2 …", one a millisecond
//   phase:NAME  phase_start, phase_complete, checkpoint
//   half:NAME   the same; the first owner (nothing delivered yet) dies before the checkpoint
//   sleep:MS    waits
//   hang        waits until cancelled
//   budget      waits until the turn's budget is over and ends it as one that broke off
//   fail        TurnError
//   boom        an unexpected exception
//   die         ends the process
//   die-stopped the same, a moment after the turn has been cancelled
//   die-once    the same, unless a checkpoint holds a phase when the turn is picked up
//   history     says how many messages the history has, and the last answer's memory
//   last        says the last message of the history
//
// Phases that a checkpoint holds are not run again; text that was delivered is not said again.
#pragma once

#include "worker/apps/chat.h"
#include "worker/async.h"
#include "worker/wiring.h"

#include <unistd.h>

#include <algorithm>
#include <sstream>

namespace mr::test {

class ScriptedTurn {
  public:
    ScriptedTurn(TurnRequest request, TurnHost& host)
        : request_(std::move(request)), host_(host), delivered_(host.delivered_text()) {
        if (request_.resume_state.is_object()) {
            done_ = request_.resume_state.value("done", std::vector<std::string>());
        }
    }

    boost::asio::awaitable<TurnResult> run() {
        std::istringstream words(request_.message);
        for (std::string word; words >> word;) {
            const size_t colon = word.find(':');
            const std::string verb = word.substr(0, colon);
            const std::string value = colon == std::string::npos ? "" : word.substr(colon + 1);
            co_await step(verb, value);
        }
        TurnResult result;
        result.status = status_;
        result.sources = nlohmann::ordered_json::array();
        result.timings["phases"] = nlohmann::ordered_json::object();
        result.memory = {{"said", said_.size()}};
        co_return result;
    }

  private:
    boost::asio::awaitable<void> step(std::string verb, std::string value) {
        if (verb == "say") {
            say(value + " ");
        } else if (verb == "phase") {
            co_await phase(value);
        } else if (verb == "sleep") {
            co_await sleep_for(std::chrono::milliseconds(std::stoi(value)));
        } else if (verb == "hang") {
            co_await sleep_for(std::chrono::hours(1));
        } else if (verb == "budget") {
            const auto left = request_.deadline - std::chrono::steady_clock::now();
            co_await sleep_for(std::chrono::ceil<std::chrono::milliseconds>(left));
            status_ = TurnStatus::partial;
        } else if (verb == "count") {
            for (int i = 0; i < std::stoi(value); ++i) {
                say(std::to_string(i) + " ");
                co_await sleep_for(std::chrono::milliseconds(1));
            }
        } else if (verb == "history") {
            const nlohmann::json memory =
                request_.history.empty() ? nlohmann::json() : request_.history.back().memory;
            say(std::to_string(request_.history.size()) + "/" + memory.dump());
        } else if (verb == "last") {
            say(request_.history.empty() ? "nothing" : request_.history.back().content);
        } else if (verb == "fail") {
            throw TurnError(ErrorCode::turn_failed, "the script says so");
        } else if (verb == "boom") {
            throw std::runtime_error("secret detail");
        } else if (verb == "die" || (verb == "die-once" && request_.resume_state.is_null())) {
            _exit(9);
        } else if (verb == "die-stopped") {
            try {
                co_await sleep_for(std::chrono::hours(1));
            } catch (const boost::system::system_error&) {
                status_ = TurnStatus::partial; // cancelled
            }
            co_await boost::asio::this_coro::reset_cancellation_state(
                boost::asio::disable_cancellation());
            co_await sleep_for(std::chrono::milliseconds(50)); // far beyond the flush interval
            _exit(9);
        } else if (verb == "half" && delivered_.empty()) {
            announce(value);
            co_await sleep_for(std::chrono::milliseconds(50)); // far beyond the flush interval
            _exit(9);
        } else if (verb == "half") {
            co_await phase(value);
        }
    }

    boost::asio::awaitable<void> phase(std::string name) {
        if (std::find(done_.begin(), done_.end(), name) != done_.end()) {
            co_return;
        }
        announce(name);
        done_.push_back(name);
        nlohmann::json state;
        state["done"] = done_;
        co_await host_.checkpoint(state.dump());
    }

    void announce(const std::string& name) {
        nlohmann::ordered_json v1;
        v1["type"] = "phase_start";
        v1["phase"] = name;
        v1["message"] = "Doing " + name + "...";
        host_.emit(v1, nlohmann::ordered_json(), Audience::everyone);
        nlohmann::ordered_json complete;
        complete["type"] = "phase_complete";
        complete["phase"] = name;
        complete["data"]["found"] = 1;
        nlohmann::ordered_json added;
        added["status"] = "ok";
        host_.emit(complete, added, Audience::everyone);
    }

    // What lies within the text that was delivered already is not said again.
    void say(const std::string& piece) {
        const size_t before = said_.size();
        said_ += piece;
        if (said_.size() > delivered_.size()) {
            host_.text(std::string_view(said_).substr(std::max(before, delivered_.size())));
        }
    }

    TurnRequest request_;
    TurnHost& host_;
    std::string delivered_;
    TurnStatus status_ = TurnStatus::ok;
    std::string said_;
    std::vector<std::string> done_;
};

inline boost::asio::awaitable<TurnResult> scripted_turn(TurnRequest request, TurnHost& host) {
    ScriptedTurn turn(std::move(request), host);
    TurnResult result = co_await turn.run();
    co_return result;
}

// The chat app with scripted turns.
inline Apps scripted_chat() {
    static const TurnFunction kFunction = scripted_turn;
    Apps apps;
    apps["chat"] = chat_app(kFunction);
    return apps;
}

} // namespace mr::test

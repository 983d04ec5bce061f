#include "worker/voice/elevenlabs/places.h"

#include "worker/metrics/meters.h"
#include "worker/voice/fault.h"

#include <boost/asio/this_coro.hpp>

namespace mr::voice {
namespace {

struct Waiter {
    explicit Waiter(const boost::asio::any_io_executor& executor) : signal(executor) {}
    Signal signal;
    bool granted = false;
};

void observe_wait(std::chrono::steady_clock::time_point begin) {
    metrics::meters().voice.wait.at({"requests"}).observe(metrics::seconds_since(begin));
}

} // namespace

struct Places::State {
    unsigned most = 1;
    unsigned allowed = 1;
    unsigned used = 0;
    std::deque<std::shared_ptr<Waiter>> waiting;

    void grant() {
        while (used < allowed && !waiting.empty()) {
            ++used;
            waiting.front()->granted = true;
            waiting.front()->signal.notify();
            waiting.pop_front();
        }
        show();
    }
    void show() const {
        metrics::VoiceMeters& voice = metrics::meters().voice;
        voice.places.at({metrics::kRequests}).set(allowed);
        voice.places_taken.at({metrics::kRequests}).set(used);
    }
    void give_back() {
        --used;
        grant();
    }
};

Places::Place::~Place() {
    if (state_) {
        state_->give_back();
    }
}

Places::Places(unsigned limit) : state_(std::make_shared<State>()) {
    state_->most = std::max(limit, 1U);
    state_->allowed = state_->most;
    state_->show();
}

void Places::plan_allows(unsigned limit) {
    state_->allowed = std::clamp(limit, 1U, state_->most);
    state_->grant();
}

boost::asio::awaitable<Places::Place> Places::take(std::chrono::milliseconds limit) {
    const std::shared_ptr<State> state = state_;
    const auto begin = std::chrono::steady_clock::now();
    if (state->used < state->allowed && state->waiting.empty()) {
        ++state->used;
        state->show();
        observe_wait(begin);
        co_return Place(state);
    }
    if (state->waiting.size() >= kMaxWaitingForPlace) {
        throw too_many_spoken();
    }
    const auto executor = co_await boost::asio::this_coro::executor;
    const auto waiter = std::make_shared<Waiter>(executor);
    state->waiting.push_back(waiter);
    // Whatever ends the waiting: the place in the queue goes, or the place that was given.
    struct Leave {
        std::shared_ptr<State> state;
        std::shared_ptr<Waiter> waiter;
        ~Leave() {
            if (waiter && waiter->granted) {
                state->give_back();
            } else if (waiter) {
                std::erase(state->waiting, waiter);
            }
        }
    } leave{state, waiter};
    const auto end = begin + limit;
    while (!waiter->granted) {
        const auto rest = end - std::chrono::steady_clock::now();
        const bool told = co_await waiter->signal.wait_for(rest);
        if (!told && !waiter->granted) {
            observe_wait(begin);
            throw too_many_spoken();
        }
    }
    leave.waiter.reset();
    observe_wait(begin);
    co_return Place(state);
}

} // namespace mr::voice

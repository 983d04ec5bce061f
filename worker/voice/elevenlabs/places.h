// So many at a time, the others one after another in the order they came. Event loop only.
#pragma once

#include "worker/async.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <utility>

namespace mr::voice {

inline constexpr size_t kMaxWaitingForPlace = 1'000;

class Places {
    struct State;

  public:
    // Held for as long as it lives.
    class Place {
      public:
        explicit Place(std::shared_ptr<State> state) : state_(std::move(state)) {}
        Place(Place&& other) noexcept = default;
        Place& operator=(Place&&) = delete;
        ~Place();

      private:
        std::shared_ptr<State> state_;
    };

    explicit Places(unsigned limit);

    // Throws VoiceError{unavailable} when none comes free within `limit`, or too many wait.
    boost::asio::awaitable<Place> take(std::chrono::milliseconds limit);
    // What the account's plan allows, if that is less than what was given.
    void plan_allows(unsigned limit);

  private:
    std::shared_ptr<State> state_;
};

} // namespace mr::voice

// Whoever follows a turn while it is written: voice, which speaks it. Told on the event loop, from
// within the writing; must not end or cancel the turn from there.
#pragma once

#include <string_view>

namespace mr {

class TurnWatcher {
  public:
    virtual ~TurnWatcher() = default;
    // The next piece of the answer, as clients get it.
    virtual void turn_text(std::string_view piece) = 0;
    // A phase or a tool has begun: what it says of itself.
    virtual void turn_doing(std::string_view message) = 0;
    // Stopped: what is written from here on is no answer.
    virtual void turn_stopped() = 0;
    // The terminal event is out. Nothing follows.
    virtual void turn_over() = 0;
};

} // namespace mr

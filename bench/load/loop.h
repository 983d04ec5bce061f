// One thread's event loop: sockets by epoll, things to do at a time by a heap. A thing that is
// called must not throw.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

namespace mr::bench {

class Ready {
  public:
    virtual void ready(uint32_t events) = 0; // EPOLLIN and the like

  protected:
    ~Ready() = default;
};

class Loop {
  public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void add(int socket, uint32_t events, Ready& who);
    void change(int socket, uint32_t events, Ready& who);
    void remove(int socket, Ready& who); // none of its events is delivered any more

    // Calls it then; there is no way back: what is called looks whether it is still wanted.
    void at(int64_t time_ns, std::function<void()> call);

    void run(); // until stop()
    void stop() { stopped_ = true; }

    // Of this loop's turn: when it began, and how late the latest timer of all was.
    int64_t now() const { return now_; }
    // How much of the time it was awake it has not slept: 0 to 1.
    double busy_share() const;

  private:
    struct Timer {
        int64_t time;
        uint64_t number; // first come, first served
        std::function<void()> call;
        bool operator<(const Timer& other) const {
            return time != other.time ? time > other.time : number > other.number;
        }
    };

    void run_timers();
    void wait();

    int epoll_;
    int64_t now_ = 0;
    int64_t begun_ = 0;
    int64_t slept_ = 0;
    uint64_t timers_ = 0;
    bool stopped_ = false;
    std::priority_queue<Timer> due_;
    std::vector<Ready*> removed_; // in this turn
};

} // namespace mr::bench

// Opens so many connections at a time, each again as soon as it is over: how many a second, and
// what the server needs for one.
#pragma once

#include "bench/tool/common.h"

namespace mr::bench {

class Turnstile {
  protected:
    // `what` is counted: "handshake", "request".
    Turnstile(const Common& common, uint64_t at_once, const char* what);
    ~Turnstile() = default;

    virtual void open(uint64_t number) = 0;  // the first connection of each place
    virtual void again(uint64_t number) = 0; // not from inside a callback of the connection
    void succeeded(uint64_t number, int64_t begun_ns);
    void failed(uint64_t number, const std::string& why);
    bool goes_on() const; // whether another one is wanted
    Result run(const char* time_name);

    const Common& common_;
    const uint64_t at_once_;
    Rig rig_;

  private:
    void over(uint64_t number);

    const std::string what_;
    Meter meter_;
    int64_t from_ = 0, until_ = 0;
    uint64_t done_ = 0, failed_ = 0;
    std::string last_failure_;
    Histogram times_us_;
};

} // namespace mr::bench

// One GET over a connection of its own, which the server closes behind the answer: what web
// servers do without keep-alive.
#pragma once

#include "bench/load/wire.h"

#include <string>

namespace mr::bench {

class Fetch;

class FetchOwner {
  public:
    // Once for each begin(). `why` is empty when a whole answer with 200 has come.
    virtual void fetch_over(Fetch& fetch, const std::string& why) = 0;

  protected:
    ~FetchOwner() = default;
};

class Fetch final : private Ready {
  public:
    Fetch(Clients& clients, FetchOwner& owner, uint64_t own_number);

    const uint64_t number;

    void begin(); // not from inside fetch_over()
    int64_t begun_ns() const { return wire_.begun_ns(); }

  private:
    void ready(uint32_t events) override;
    bool send(); // false: over
    void read();
    void take(std::string_view bytes);
    void over(const std::string& why);

    Clients& clients_;
    FetchOwner& owner_;
    Wire wire_;
    const std::string request_;
    size_t sent_ = 0;
    bool opening_ = true;
    std::string answer_; // its head; then only the length counts
    size_t received_ = 0;
};

} // namespace mr::bench

// The server's half of a relay by Redis Pub/Sub, for the floor: who waits for which session, and
// what comes for it. Two connections for all sessions.
#pragma once

#include "bench/load/loop.h"
#include "bench/peers/link.h"
#include "shared/resp.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace mr::bench {

class RedisRelay {
  public:
    using Take = std::function<void(uint64_t owner, std::string_view event)>;

    // Throws std::runtime_error when Redis does not answer, and out of the loop when it goes away.
    RedisRelay(Loop& loop, const std::string& address, Take take);

    // Subscribes to "peer:<session>"; when that is in force, `start` goes out on "peer:start": at
    // once where the session asks again.
    void follow(uint64_t owner, const std::string& session, std::string_view start);
    void leave(uint64_t owner);

  private:
    struct Follower {
        uint64_t owner = 0;
        std::string start; // empty: it has gone out
    };

    void take_messages(std::string_view bytes);
    void subscribed(std::string_view channel);
    void publish(std::string_view start);

    Take take_;
    std::unordered_map<std::string, Follower> followers_; // by channel
    std::unordered_map<uint64_t, std::string> channels_;
    RespReader messages_;
    Link events_, commands_;
    std::string channel_;
};

} // namespace mr::bench

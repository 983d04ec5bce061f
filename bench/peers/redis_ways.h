// Ways to write an event of a session into Redis so that it is kept and reaches who follows it, as
// commands: what mr-peer-redis measures beside each other. Knows no sockets.
#pragma once

#include "shared/keys.h"
#include "shared/resp.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mr::bench {

inline constexpr uint64_t kAnswerEvents = 211; // as in the peers' load

class RedisWay {
  public:
    virtual ~RedisWay() = default;
    // Commands before the first event; the reply to the last of them goes to prepared().
    virtual uint64_t prepare(Buffer&) { return 0; } // how many
    virtual void prepared(const Reply&) {}
    virtual void subscribe(Buffer& out, uint64_t session) = 0;
    // The commands of event `seq`, from 1, of a session; returns how many.
    virtual uint64_t append(Buffer& out, uint64_t session, uint64_t seq) = 0;
};

// `bytes`: of each event. Ways:
//   mr-ws       XADD and SPUBLISH of a batch of one event; XTRIM and PEXPIRE after each answer
//   centrifuge  a script per event, with the commands of Centrifuge's history of streams: HGET of
//               the epoch, HINCRBY of the offset, XADD MAXLEN, EXPIRE of both, PUBLISH
//   publish     PUBLISH alone: nothing is kept
// `length`: entries that centrifuge keeps of a stream. Throws std::runtime_error for other words.
std::unique_ptr<RedisWay> make_redis_way(const std::string& name, uint64_t bytes, uint64_t length);

} // namespace mr::bench

// What Redis Sentinels are asked about a primary, how their replies are read, and whose word counts
// when they differ. Both module and worker ask all sentinels of the URL side by side: at every dial
// and once a second. Pure: no I/O, no clock.
//
// Why all of them: a sentinel that was cut off or frozen together with an old primary goes on
// naming it, and that primary says `master` of itself until it is told otherwise, some ten seconds
// after it is reachable again. Only the configuration epoch tells old from new: every failover is
// elected by a majority of the sentinels under a higher one. So the highest epoch wins.
//
// Why polling and not the event `+switch-master`: a publication that is missed (the connection
// broke, the sentinel was restarted or stood on the wrong side of a partition) would have to be
// asked for anyway, so the question alone is enough; it costs a sentinel some microseconds a second
// per process. It also proves that the sentinel lives, which a silent subscription does not.
//
// Source: Redis documentation, "High availability with Redis Sentinel" (API, configuration
// propagation) and "Guidelines for Redis clients with support for Redis Sentinel".
#pragma once

#include "shared/buffer.h"
#include "shared/redis_url.h"
#include "shared/resp.h"

#include <cstdint>
#include <span>

namespace mr {

inline constexpr uint32_t kSentinelPollMs = 1000;
inline constexpr uint32_t kSentinelTimeoutMs = 800;    // for one sentinel, connecting included
inline constexpr uint32_t kSentinelStragglersMs = 100; // for the rest, once most have answered
inline constexpr size_t kMaxSentinelWords = 160;

struct PrimaryAddress {
    FixedText<kMaxRedisHostChars> host;
    uint16_t port = 0; // 0: not known

    bool known() const { return port != 0; }
    bool operator==(const PrimaryAddress& other) const {
        return port == other.port && host.view() == other.host.view();
    }
};

// What one sentinel said in one round.
struct SentinelAnswer {
    enum class Kind : uint8_t { silent, primary, unknown_name, refused };

    Kind kind = Kind::silent;
    bool no_quorum = false; // a failover could not be agreed on at the moment
    PrimaryAddress primary;
    uint64_t config_epoch = 0;
    FixedText<kMaxSentinelWords> words; // an error in its own words, or why it is silent

    void say(std::string_view text) { words.assign(slice(text, 0, kMaxSentinelWords)); }
};

// The replies of a conversation, in order; `login` only on a new connection and with a password.
enum class SentinelStep : uint8_t { login, address, record, quorum, done };

bool sentinel_wants_login(const RedisUrl& url);
// Append commands. False: out of memory.
bool encode_sentinel_login(Buffer& out, const RedisUrl& url);
bool encode_sentinel_questions(Buffer& out, const RedisUrl& url);

// Takes the reply to `step` into `answer` and returns the step that comes next.
SentinelStep take_sentinel_reply(SentinelAnswer& answer, SentinelStep step, const Reply& reply);

// Whose word counts. `known`: the primary that was agreed on before, under `known_epoch`.
struct SentinelVerdict {
    const char* problem = nullptr; // completes "redis <name>: …"; null: `primary` is good
    size_t witness = 0;            // the answer whose primary or words this is
    size_t answered = 0;           // sentinels that named a primary
    bool no_quorum = false;        // by the word of those that know best
};
SentinelVerdict judge_sentinels(std::span<const SentinelAnswer> answers,
                                const PrimaryAddress& known, uint64_t known_epoch);

// Whether the reply to ROLE is that of a primary.
bool is_primary_role(const Reply& reply);

} // namespace mr

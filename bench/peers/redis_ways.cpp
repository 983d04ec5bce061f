#include "bench/peers/redis_ways.h"

#include "bench/load/peer_dialect.h"
#include "shared/envelope.h"
#include "shared/ids.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr uint64_t kEpoch = 1'700'000'000'000;
constexpr std::string_view kLogLifeMs = "300000";
constexpr std::string_view kLifeS = "300";

constexpr std::string_view kScript = R"(
local stream, meta = KEYS[1], KEYS[2]
local event, length, life, channel, fresh = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local epoch = redis.call('HGET', meta, 'e')
if not epoch then
    epoch = fresh
    redis.call('HSET', meta, 'e', epoch)
end
local offset = redis.call('HINCRBY', meta, 's', 1)
redis.call('EXPIRE', meta, life)
redis.call('XADD', stream, 'MAXLEN', length, offset, 'd', event)
redis.call('EXPIRE', stream, life)
redis.call('PUBLISH', channel, offset .. ':' .. epoch .. ':' .. event)
return {offset, epoch}
)";

std::string session_id(uint64_t session) {
    char text[40];
    std::snprintf(text, sizeof(text), "00000000-0000-4000-8000-%012llx",
                  static_cast<unsigned long long>(session));
    return text;
}

std::string event_of(uint64_t bytes) {
    std::string text;
    append_filler(text, bytes);
    return text;
}

class MrWs final : public RedisWay {
  public:
    explicit MrWs(uint64_t bytes) : event_(event_of(bytes)) {}

    void subscribe(Buffer& out, uint64_t session) override {
        encode_command(out, {"SSUBSCRIBE", keys(session).out_channel.view()});
    }

    uint64_t append(Buffer& out, uint64_t session, uint64_t seq) override {
        const SessionKeys names = keys(session);
        batch_.clear();
        BatchWriter writer(batch_);
        if (!writer.begin(kEpoch, seq) || !writer.add(0, as_bytes(event_))) {
            throw std::runtime_error("out of memory");
        }
        const EventIdText id = format_event_id({kEpoch, seq});
        encode_command(out, {"XADD", names.out_lane.view(), id.view(), kEntryField, batch_.text()});
        encode_command(out, {"SPUBLISH", names.out_channel.view(), batch_.text()});
        if (seq % kAnswerEvents != 0) {
            return 2;
        }
        // As the scripts do at times: what is before this answer goes, and the log lives on.
        const EventIdText first = format_event_id({kEpoch, seq - kAnswerEvents + 1});
        encode_command(out, {"XTRIM", names.out_lane.view(), "MINID", first.view()});
        encode_command(out, {"PEXPIRE", names.out_lane.view(), kLogLifeMs});
        return 4;
    }

  private:
    SessionKeys keys(uint64_t session) const { return {map_, session_id(session)}; }

    const std::string event_;
    const PartitionMap map_;
    Buffer batch_;
};

class Centrifuge final : public RedisWay {
  public:
    Centrifuge(uint64_t bytes, uint64_t length)
        : event_(event_of(bytes)), length_(std::to_string(length)) {}

    uint64_t prepare(Buffer& out) override {
        encode_command(out, {"SCRIPT", "LOAD", kScript});
        return 1;
    }
    void prepared(const Reply& reply) override { sha_ = reply.text(); }

    void subscribe(Buffer& out, uint64_t session) override {
        encode_command(out, {"SUBSCRIBE", name("client", session)});
    }

    uint64_t append(Buffer& out, uint64_t session, uint64_t) override {
        encode_command(out,
                       {"EVALSHA", sha_, "2", name("stream", session), name("stream.meta", session),
                        event_, length_, kLifeS, name("client", session), "aBcD"});
        return 1;
    }

  private:
    static std::string name(std::string_view kind, uint64_t session) {
        return "centrifugo." + std::string(kind) + ".sessions:" + session_id(session);
    }

    const std::string event_, length_;
    std::string sha_;
};

class Publish final : public RedisWay {
  public:
    explicit Publish(uint64_t bytes) : event_(event_of(bytes)) {}

    void subscribe(Buffer& out, uint64_t session) override {
        encode_command(out, {"SUBSCRIBE", "peer:" + session_id(session)});
    }
    uint64_t append(Buffer& out, uint64_t session, uint64_t) override {
        encode_command(out, {"PUBLISH", "peer:" + session_id(session), event_});
        return 1;
    }

  private:
    const std::string event_;
};

} // namespace

std::unique_ptr<RedisWay> make_redis_way(const std::string& name, uint64_t bytes, uint64_t length) {
    if (name == "mr-ws") {
        return std::make_unique<MrWs>(bytes);
    }
    if (name == "centrifuge") {
        return std::make_unique<Centrifuge>(bytes, length);
    }
    if (name == "publish") {
        return std::make_unique<Publish>(bytes);
    }
    throw std::runtime_error("--way " + name + " is not mr-ws, centrifuge or publish");
}

} // namespace mr::bench

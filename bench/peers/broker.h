// Where a publisher gets its start messages from and puts its events, for each kind of broker.
#pragma once

#include "bench/load/loop.h"
#include "bench/load/peer_dialect.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace mr::bench {

class Broker {
  public:
    using Started = std::function<void(const PeerStart&)>;
    virtual ~Broker() = default;
    virtual void publish(const PeerStart& start, const PeerStamp& stamp) = 0; // queued
    virtual void flush() = 0;
    // It takes less than it is given: events wait, with the time at which they were due.
    virtual bool full() const = 0;
    // Start messages come from now on.
    virtual bool listens() const = 0;
};

// Redis: start messages come on the channel "peer:start", events go to "peer:<session>". `logged`:
// each into the stream "log:<session>" before, as mr-ws has it.
std::unique_ptr<Broker> redis_broker(Loop& loop, const std::string& address,
                                     Broker::Started started, bool logged);
// The same, but events go where the Redis adapter of Socket.IO takes them from, in the form of its
// emitter: event "event" in room <session>.
std::unique_ptr<Broker> socketio_broker(Loop& loop, const std::string& address,
                                        Broker::Started started);
// The same, but events go into the stream that the Redis Streams adapter of Socket.IO reads.
std::unique_ptr<Broker> socketio_streams_broker(Loop& loop, const std::string& address,
                                                Broker::Started started);
// nchan: start messages come from GET /starts, an http-raw-stream; events are POSTed to
// /publish?session=<session>, pipelined over several connections that are kept.
std::unique_ptr<Broker> nchan_broker(Loop& loop, const std::string& address,
                                     Broker::Started started);
// NATS: start messages come on the subject "peer.start", events go to "peer.<session>".
std::unique_ptr<Broker> nats_broker(Loop& loop, const std::string& address,
                                    Broker::Started started);

// What --broker may say.
inline constexpr const char* kBrokerKinds =
    "redis, redis-log, socketio, socketio-streams, nchan, nats or pushpin";

// One of them; `port` is the backend's of Pushpin. Throws std::runtime_error for other words, and
// when the broker does not answer.
std::unique_ptr<Broker> make_broker(const std::string& kind, Loop& loop, const std::string& address,
                                    uint16_t port, Broker::Started started);

} // namespace mr::bench

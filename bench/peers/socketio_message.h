// What Socket.IO's adapters for Redis take from another process: event "event" for room <session>.
#pragma once

#include "bench/load/peer_dialect.h"

#include <string>

namespace mr::bench {

// The message of Socket.IO's Redis emitter for one event (MessagePack).
std::string socketio_message(const PeerStart& start, const PeerStamp& stamp);
// The field "data" of an entry in the stream of the Redis Streams adapter (JSON).
std::string socketio_stream_data(const PeerStart& start, const PeerStamp& stamp);

} // namespace mr::bench

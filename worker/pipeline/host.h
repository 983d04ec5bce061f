// What the pipeline needs from whoever runs a turn: a place for events, for text, for checkpoints.
// Implemented by the session actor (out lane, in worker/apps) and by recorders in tests. The
// pipeline never sees Redis, lanes or connections.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace mr {

enum class Audience : unsigned char {
    everyone, // v1 and v2 clients
    v2_only,
};

class TurnHost {
  public:
    virtual ~TurnHost() = default;

    // One event. `v1` is the object of the original protocol: `type` first, fields in wire order.
    // `added` holds the fields that v2 adds. The host appends both, then turn_id, id and ts.
    virtual void emit(const nlohmann::ordered_json& v1, const nlohmann::ordered_json& added,
                      Audience audience) = 0;

    // A piece of the answer, any length, whole code points. The host merges pieces within the
    // coalescing window (the first goes out at once) and counts `offset`.
    virtual void text(std::string_view piece) = 0;

    // False when this worker may have lost the session: asked before every step, so that an owner
    // that was frozen does not do again what the next one has done.
    virtual bool owned() const = 0;
    // Throws when it has.
    virtual void check_owned() const = 0;

    // Returns when the text given so far is mostly taken: a provider that is faster than Redis
    // waits here. The caller is the one that gives text.
    virtual boost::asio::awaitable<void> wait_room() = 0;
    // True: wait_room() would return at once.
    virtual bool has_room() const = 0;

    // Makes `state`, a JSON text, durable before the turn goes on. Throws when this worker has lost
    // the session.
    virtual boost::asio::awaitable<void> checkpoint(std::string state) = 0;

    // Answer text that an earlier owner of this turn has already delivered (empty at attempt 1).
    // The answer must continue behind it: delivered text is never sent again.
    virtual std::string_view delivered_text() const = 0;
};

} // namespace mr

// The events of voice on their way to the clients: into the log, or live alone (published, not
// kept). What is logged carries `id` and `ts`; what is live has neither.
#pragma once

#include "shared/error_code.h"
#include "worker/apps/app.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>

namespace mr {

class VoiceEvents {
  public:
    // `quiet`: no turn runs or waits; asked at every event, for the gateway wants to know.
    VoiceEvents(OwnedSession& session, std::function<bool()> quiet)
        : session_(session), quiet_(std::move(quiet)) {}

    // `fields` begin with `type`. `everyone`: v1 clients too, and all fields are theirs.
    void logged(const nlohmann::ordered_json& fields, bool everyone = false);
    // False: not taken, too much waits for Redis.
    bool live(const nlohmann::ordered_json& fields, bool everyone = false);
    bool live_binary(ByteView bytes);
    // `message` empty: the code's own.
    void error(ErrorCode code, std::string_view stream_id, std::string_view message = {});

    OwnedSession& session() { return session_; }

  private:
    OwnedSession& session_;
    std::function<bool()> quiet_;
};

} // namespace mr

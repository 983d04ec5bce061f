// Reads back what the event log says of a turn: the text its clients have, whether it has ended.
// For the owner that takes a turn over.
#pragma once

#include "worker/apps/app.h"
#include "worker/apps/turn_record.h"
#include "worker/apps/turn_view.h"

namespace mr {

struct PastTurn {
    TurnView view;
    bool announced = false; // turn_start is in the log
    bool ended = false;     // so is its terminal event
    std::string status;     // of the terminal event
};

// Throws SessionLost when the session is lost meanwhile.
boost::asio::awaitable<PastTurn> read_past_turn(OwnedSession& session, const TurnRecord& record);

} // namespace mr

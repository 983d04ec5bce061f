// Reads back what the event log says of a turn: the text its clients have, whether it has ended.
// For the owner that takes a turn over.
#pragma once

#include "worker/apps/app.h"
#include "worker/apps/past_speech.h"
#include "worker/apps/turn_record.h"
#include "worker/apps/turn_view.h"

namespace mr {

struct PastTurn {
    TurnView view;
    // The log holds it from its beginning (or from a snapshot in the log) without a hole. Not so,
    // when Redis has lost its data in the middle of it.
    bool whole = false;
    bool any = false;           // something of it is there
    size_t text_end = SIZE_MAX; // UTF-16 units up to which the log has text, if it has any
    bool announced = false;     // turn_start is in the log
    bool ended = false;         // so is its terminal event
    bool answered = false;      // so is the one object for the HTTP request that asked
    std::string status;         // of the terminal event
    PastSpeech speech;
};

// Throws SessionLost when the session is lost meanwhile.
boost::asio::awaitable<PastTurn> read_past_turn(OwnedSession& session, const TurnRecord& record);

} // namespace mr

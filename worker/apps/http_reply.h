// What an HTTP request gets that waits for one object in answer to its mail (kMailAnswer): the
// whole turn as one JSON object, or an error. Made here, since the gateway reads no JSON; published
// as one event of the log that goes to that request alone. Pure but for the lane that it is added
// to.
#pragma once

#include "shared/error_code.h"
#include "worker/session/out_lane.h"

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

namespace mr {

inline constexpr size_t kMaxAskers = 8; // requests that wait for one turn

// The requests that wait, by their connections.
using Askers = std::vector<uint64_t>;

struct ReplyNames {
    std::string_view session_id;
    std::string_view turn_id;
    std::string_view status; // as in response_complete
};

// `shown` is what TurnView::snapshot() gives.
void reply_with_turn(OutLane& lane, const Askers& askers, const ReplyNames& names,
                     const nlohmann::ordered_json& shown);

// `message` empty: the code's own.
void reply_with_error(OutLane& lane, const Askers& askers, ErrorCode code, std::string_view message,
                      std::string_view trace_id, uint8_t flags);

// The trace id of a `traceparent`, or nothing.
std::string_view trace_id_of(std::string_view traceparent);

} // namespace mr

// What is known of a running turn across workers: the checkpoint in the session's record. JSON, one
// version; a checkpoint that cannot be read ends its turn with an error.
#pragma once

#include "shared/ids.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr {

struct TurnRecord {
    std::string turn_id;
    std::string message;
    nlohmann::json context;
    nlohmann::json history; // what the client says was said before, for a session without its own
    std::string message_id; // the client's, may be empty
    std::string replaces;   // regenerate: the turn whose exchange this one replaces
    std::vector<uint64_t> askers; // HTTP requests that wait for it as one object
    std::string mail;             // that asked for it: MailItem::name(); may be empty
    std::string traceparent;
    std::string trace_id;
    EventId before; // the newest event before the turn's first, of whichever epoch
    uint32_t attempt = 1;
    int64_t started_ms = 0; // wall clock, start of the first attempt
    int64_t queue_ms = 0;
    std::string state;   // of the pipeline, JSON; empty: none yet
    nlohmann::json view; // what clients were told: only if the log may be gone, else null
};

// Of a turn that begins now: its id, the start of its time, its trace (that of `traceparent`, a W3C
// trace context, or a new one).
TurnRecord new_record(std::string_view traceparent);

std::string format_record(const TurnRecord& record);
// The same in two steps: what is the same in all checkpoints of a turn is formatted once.
std::string record_front(const TurnRecord& record);
std::string format_record(std::string_view front, const TurnRecord& record);
std::optional<TurnRecord> parse_record(std::string_view text);

} // namespace mr

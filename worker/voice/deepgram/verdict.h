// What the end of a connection to Deepgram means: whether another try is worth it, what a user may
// read of it, and what an operator can do.
#pragma once

#include "worker/net/ws_client.h"
#include "worker/voice/fault.h"

#include <string>

namespace mr::voice::deepgram {

struct Verdict {
    bool again = false;
    VoiceFault fault = VoiceFault::unavailable; // once there is no further try
    std::string safe;                           // for users
    std::string cure;                           // for the log
};

Verdict judge(const net::WsError& error);
// Of a connection that Deepgram has closed. Sources: section "stt troubleshooting" of Deepgram's
// documentation; RFC 6455 section 7.4.1.
Verdict judge_close(std::uint16_t code);

// The code at the beginning of a close reason ("NET-0001"), for the log; else nothing: what follows
// is the provider's, and may be anything.
std::string reason_code(const std::string& reason);

} // namespace mr::voice::deepgram

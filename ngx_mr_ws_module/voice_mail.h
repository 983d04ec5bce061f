// What a connection of a location with `mr_ws_voice` sends, collected into mails: audio comes in 10
// to 100 frames a second, and goes into the in lane at most every kVoiceBatchMs. A short text is no
// audio but a word to the worker, and takes what waits in front of it along at once. Owns that
// decision and the frames that wait; never looks into one.
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "shared/bytes.h"
#include "shared/ws_frame.h"

namespace mr {

struct Connection; // connection.h
struct VoiceMail;  // of voice_mail.cpp; null until the first frame

// From the first frame of a batch until it goes.
inline constexpr ngx_msec_t kVoiceBatchMs = 100;
// A text below this size goes at once. A frame of audio has more, in base64 as well: 10 ms at 16
// kHz are 427 characters.
inline constexpr size_t kShortTextBytes = 256;

// One whole data message of the client, in place of relay_message(). Copied.
void voice_mail_take(Connection& connection, Opcode opcode, ByteView message) noexcept;

// Sends what waits.
void voice_mail_flush(Connection& connection) noexcept;

void voice_mail_free(VoiceMail* mail) noexcept;

} // namespace mr

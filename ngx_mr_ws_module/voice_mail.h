// What a connection of a location with `mr_ws_voice` sends, collected into mails: audio comes in 10
// to 100 frames a second, and goes into the in lane at most every kVoiceBatchMs. A short text is no
// audio but a word to the worker, and takes what waits in front of it along at once. A client that
// is being spoken to may be about to interrupt: its frames wait kSpokenToBatchMs at most, and not
// at all when the batch before is older than that. Owns that decision and the frames that wait;
// never looks into one.
#pragma once

#include "ngx_mr_ws_module/ngx.h"
#include "shared/bytes.h"
#include "shared/ws_frame.h"

namespace mr {

struct Connection; // connection.h
struct VoiceMail;  // of voice_mail.cpp; null until the first frame

// From the first frame of a batch until it goes.
inline constexpr ngx_msec_t kVoiceBatchMs = 100;
// While it is spoken to: 33 mails a second at most, of the 50 that a worker takes of a session.
inline constexpr ngx_msec_t kSpokenToBatchMs = 30;
// So long behind the newest sound sent to it: a worker is up to three seconds ahead.
inline constexpr ngx_msec_t kSpokenToMs = 4'000;
// A text below this size goes at once. A frame of audio has more, in base64 as well: 10 ms at 16
// kHz are 427 characters.
inline constexpr size_t kShortTextBytes = 256;

// One whole data message of the client, in place of relay_message(). Copied.
void voice_mail_take(Connection& connection, Opcode opcode, ByteView message) noexcept;

// So many bytes of live sound, as an event of either form, go to the client. Less than
// kShortTextBytes is no sound. Costs a client that never sent any audio nothing.
void voice_mail_spoken_to(Connection& connection, size_t bytes) noexcept;

// Sends what waits.
void voice_mail_flush(Connection& connection) noexcept;

void voice_mail_free(VoiceMail* mail) noexcept;

} // namespace mr

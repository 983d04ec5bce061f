// Speech by flite, embedded: needs no key and no network. Its voices come with the library.
// English.
//
// flite keeps global state that its calls share without locks (voices, their features, reference
// counts): all calls of a process are made one after another, on one thread of their own. It speaks
// about fifty times faster than real time, so that one thread serves all sessions.
//
// http://cmuflite.org, /usr/include/flite/flite.h
#pragma once

#include "worker/voice/synthesiser.h"

#include <memory>
#include <string>

namespace mr::voice {

struct FliteOptions {
    std::string voice = "slt"; // slt, rms, awb, kal16
    unsigned max_streams = 64; // answers being spoken at a time; more are refused
};

inline constexpr int64_t kFliteFirstPieceMs = 40; // of each clause; then
inline constexpr int64_t kFlitePieceMs = 100;

// Throws VoiceError{refused} for a default voice that is none. Destroy it before the event loop,
// and behind its streams: it waits for the call under way.
//
// Sound is bounded by the clause: none is begun while kMaxSpeechAheadMs wait to be taken, one that
// has begun is made to its end.
std::shared_ptr<Synthesiser> make_flite(FliteOptions options);

} // namespace mr::voice

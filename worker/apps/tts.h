// The app `tts`: one text, spoken, as MP3, for one HTTP request (`POST /v1/tts`). A session of its
// own per request: the text is its first mail; then come credits (how much the client has taken)
// and, when the client goes away, the end. Nothing of it is logged but the answer that says how it
// ended: audio goes out in live pieces (shared/audio_piece.h), at most kAudioWindowBytes ahead of
// the client. A new owner of the session begins at the beginning; the gateway takes that as long as
// nothing has been heard.
#pragma once

#include "worker/apps/app.h"
#include "worker/voice/synthesiser.h"

#include <chrono>
#include <memory>

namespace mr {

struct TtsOptions {
    size_t max_text_bytes = 20'000; // of the text of one request: some 20 minutes
    // Neither sound from the synthesiser nor credit from the client: given up.
    std::chrono::milliseconds patience{30'000};
};

// `synthesiser` must outlive the app's sessions; null: none is here, and everybody is told so.
AppFactory tts_app(voice::Synthesiser* synthesiser, TtsOptions options = {});

} // namespace mr

// The parts of worker/voice/ that a chat session speaks and hears with, in the app's own words.
#pragma once

#include "worker/apps/voice_services.h"

namespace mr {

std::unique_ptr<VoiceClauses> make_voice_clauses();
// Throws voice::VoiceError{bad_input} for a rate that is not taken.
Resample make_voice_resampler(unsigned from_rate);

} // namespace mr

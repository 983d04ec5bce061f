// What the settings say about voice, in the words of the engines and of the app.
#pragma once

#include "worker/apps/tts.h"
#include "worker/apps/voice_services.h"
#include "worker/settings.h"
#include "worker/voice/engines.h"

namespace mr {

voice::EngineOptions engine_options(const Settings& settings);
VoiceOptions voice_options(const Settings& settings);
TtsOptions tts_options(const Settings& settings);

} // namespace mr

// The app `chat`: reads what clients send, answers what needs no turn, and runs turns one after the
// other. Questions that wait stay in the in lane until their turn begins, so that no worker's death
// loses them; the running one is in the session's checkpoint.
#pragma once

#include "worker/apps/chat_turn.h"
#include "worker/apps/voice_services.h"

namespace mr {

// Both must outlive the app's sessions. `voice` null: there is none.
AppFactory chat_app(const TurnFunction& function, const VoiceServices* voice = nullptr);

} // namespace mr

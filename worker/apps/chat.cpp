#include "worker/apps/chat.h"

#include "worker/apps/chat_session.h"

namespace mr {

AppFactory chat_app(const TurnFunction& function, const VoiceServices* voice) {
    return [&function, voice](OwnedSession& session) {
        return std::make_unique<ChatSession>(session, function, voice);
    };
}

} // namespace mr

// What a chat client sends (docs/protocol.md, client to gateway), parsed and checked. Pure: bytes
// in, a message or an error code out. Remote input: nothing here is trusted or asserted on.
#pragma once

#include "shared/error_code.h"
#include "worker/apps/voice_message.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>

namespace mr {

inline constexpr size_t kMaxIdChars = 128;  // of message_id and turn_id
inline constexpr size_t kMaxJsonDepth = 32; // of a client's frame
inline constexpr size_t kMaxCommentBytes = 4096;
inline constexpr size_t kMaxGivenMessages = 16; // of `conversation_history`: the last ones
inline constexpr size_t kMaxGivenBytes = 4096;  // of each, from its beginning

enum class OnBusy : unsigned char { enqueue, cancel, reject };

struct ClientMessage {
    enum class Kind : unsigned char { ask, cancel, regenerate, feedback, ping, voice };

    Kind kind = Kind::ask;
    std::string message;    // ask: not blank; regenerate: edited question or empty
    nlohmann::json context; // ask, regenerate; null when absent
    nlohmann::json history; // ask: what was said before, elsewhere; [{"role","content"}] or null
    std::string message_id;
    std::string turn_id; // cancel, regenerate, feedback
    OnBusy on_busy = OnBusy::enqueue;
    nlohmann::json ping_time; // `t` of a ping, given back as it came
    int rating = 0;
    std::string comment;
    VoiceMessage voice;
};

struct ClientError {
    ErrorCode code = ErrorCode::bad_json;
    std::string message_id; // when it could be read
    std::string stream_id = {};
    bool audio = false; // it was to be a frame of sound
};

std::variant<ClientMessage, ClientError> parse_client_message(std::string_view text,
                                                              size_t max_message_bytes);

// Nothing but white space (Unicode's, as the original backend judged it).
bool is_blank(std::string_view text);

} // namespace mr

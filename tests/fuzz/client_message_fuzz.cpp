// Any bytes as a client's message: what is accepted is within the bounds of its header, an error
// names the message only by an id that is short enough, and nothing of it is too deep to be written
// into an event again.
#include "tests/fuzz/fuzz_support.h"
#include "worker/apps/client_message.h"

namespace {

using namespace mr;
using fuzz::require;

constexpr size_t kMaxMessageBytes = 200;

size_t depth_of(const nlohmann::json& value) {
    size_t deepest = 0;
    if (value.is_structured()) {
        for (const auto& member : value) {
            deepest = std::max(deepest, depth_of(member));
        }
        return deepest + 1;
    }
    return 0;
}

void check_voice(const VoiceMessage& voice, size_t size) {
    require(voice.stream_id.size() <= kMaxIdChars && voice.turn_id.size() <= kMaxIdChars &&
                voice.voice.size() <= kMaxVoiceNameChars &&
                voice.language.size() <= kMaxVoiceNameChars && voice.audio.size() <= size,
            "every text about sound has its bound");
    require(voice.sample_rate >= kMinVoiceRate && voice.sample_rate <= kMaxVoiceRate &&
                voice.speed >= kMinSpeechSpeed && voice.speed <= kMaxSpeechSpeed,
            "rate and speed are ones that are taken");
    require(voice.from_ms >= 0 && voice.played_ms.value_or(0) >= 0, "a place is not negative");
    using Kind = VoiceMessage::Kind;
    require((voice.kind != Kind::start && voice.kind != Kind::resume) || !voice.stream_id.empty(),
            "a stream has a name");
    require(voice.kind != Kind::playback || (voice.segment && !voice.turn_id.empty()),
            "what is played has a place");
}

void check_message(const ClientMessage& message) {
    using Kind = ClientMessage::Kind;
    require(message.message_id.size() <= kMaxIdChars && message.turn_id.size() <= kMaxIdChars &&
                message.comment.size() <= kMaxCommentBytes &&
                message.message.size() <= kMaxMessageBytes,
            "every text has its bound");
    require(message.kind != Kind::ask || !is_blank(message.message), "a question is not blank");
    require((message.kind != Kind::regenerate && message.kind != Kind::feedback) ||
                !message.turn_id.empty(),
            "regenerate and feedback name their turn");
    require(message.kind != Kind::feedback || message.rating == 1 || message.rating == -1,
            "a rating is one of two");
    require(message.context.is_null() || message.context.is_object(), "a context is an object");
    require(depth_of(message.context) <= kMaxJsonDepth, "a context is not too deep");
    require(message.ping_time.is_null() || message.ping_time.is_number() ||
                message.ping_time.is_string(),
            "a ping's time is a number or a text");
    // What is given back or stored is written again.
    (void)message.ping_time.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    (void)message.context.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto parsed = parse_client_message(text, kMaxMessageBytes);
    if (const auto* message = std::get_if<ClientMessage>(&parsed)) {
        check_message(*message);
        check_voice(message->kind == ClientMessage::Kind::voice ? message->voice : VoiceMessage(),
                    size);
    } else {
        const auto& error = std::get<ClientError>(parsed);
        require(error.message_id.size() <= kMaxIdChars && error.stream_id.size() <= kMaxIdChars,
                "an error names short ids");
    }
    return 0;
}

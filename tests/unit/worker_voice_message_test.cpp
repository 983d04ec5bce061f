// What clients may say about sound: every field with its default and its bounds, and what is
// answered to what is none.
#include "worker/apps/client_message.h"
#include "worker/encoding.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

constexpr size_t kMaxMessage = 1000;

std::variant<ClientMessage, ClientError> read(std::string_view text) {
    return parse_client_message(text, kMaxMessage);
}

VoiceMessage voice_of(std::string_view text) {
    const auto parsed = read(text);
    const auto* message = std::get_if<ClientMessage>(&parsed);
    EXPECT_NE(message, nullptr) << text;
    return message != nullptr ? message->voice : VoiceMessage();
}

TEST(VoiceMessages, AStartHasTheOriginalsDefaults) {
    const VoiceMessage start = voice_of(R"({"type":"voice_start","stream_id":"s"})");
    EXPECT_EQ(start.kind, VoiceMessage::Kind::start);
    EXPECT_EQ(start.stream_id, "s");
    EXPECT_EQ(start.sample_rate, 16'000u);
    EXPECT_FALSE(start.binary);
    EXPECT_FALSE(start.push_to_talk);
    EXPECT_FALSE(start.tts);
    EXPECT_EQ(start.language, "");
    EXPECT_EQ(start.speed, 1.0);
    const VoiceMessage all = voice_of(
        R"({"type":"voice_resume","stream_id":"s","sample_rate":48000,"encoding":"pcm_s16le",)"
        R"("transport":"binary","mode":"ptt","tts":true,"voice":"slt","speed":0.7,)"
        R"("language":"en-US","from_ms":1234})");
    EXPECT_EQ(all.kind, VoiceMessage::Kind::resume);
    EXPECT_EQ(all.sample_rate, 48'000u);
    EXPECT_TRUE(all.binary && all.push_to_talk && all.tts);
    EXPECT_EQ(all.voice, "slt");
    EXPECT_EQ(all.speed, 0.7);
    EXPECT_EQ(all.from_ms, 1234);
}

TEST(VoiceMessages, SoundHasThreeNames) {
    for (const char* key : {"audio", "data", "chunk"}) {
        const VoiceMessage message =
            voice_of(std::string(R"({"type":"audio",")") + key + R"(":"AAEC"})");
        EXPECT_EQ(message.kind, VoiceMessage::Kind::audio);
        EXPECT_EQ(message.audio, std::string("\0\1\2", 3));
    }
}

TEST(VoiceMessages, WhatWasHeardIsAPlace) {
    const VoiceMessage interrupt =
        voice_of(R"({"type":"interrupt","turn_id":"t","played_ms":1500,"segment":2})");
    EXPECT_EQ(interrupt.turn_id, "t");
    EXPECT_EQ(interrupt.played_ms, 1500);
    EXPECT_EQ(interrupt.segment, 2u);
    const VoiceMessage paused =
        voice_of(R"({"type":"playback","turn_id":"t","segment":3,"state":"paused","at_ms":20})");
    EXPECT_EQ(paused.playback, VoiceMessage::Playback::paused);
    EXPECT_EQ(paused.played_ms, 20);
    EXPECT_EQ(paused.segment, 3u);
}

struct Bad {
    std::string text;
    ErrorCode code;
    bool audio = false;
};

TEST(VoiceMessages, WhatIsNotTakenIsNamed) {
    const auto start = [](const std::string& more) {
        return R"({"type":"voice_start","stream_id":"s",)" + more + "}";
    };
    const Bad table[] = {
        {start(R"("sample_rate":7999)"), ErrorCode::bad_format},
        {start(R"("sample_rate":48001)"), ErrorCode::bad_format},
        {start(R"("sample_rate":-1)"), ErrorCode::bad_format},
        {start(R"("sample_rate":1e300)"), ErrorCode::bad_format},
        {start(R"("sample_rate":"16000")"), ErrorCode::bad_format},
        {start(R"("encoding":"mulaw")"), ErrorCode::bad_format},
        {start(R"("encoding":5)"), ErrorCode::bad_format},
        {start(R"("transport":"rtp")"), ErrorCode::bad_format},
        {start(R"("transport":true)"), ErrorCode::bad_format},
        {start(R"("mode":"vad")"), ErrorCode::bad_format},
        {start(R"("tts":"yes")"), ErrorCode::bad_request},
        {start(R"("speed":0.69)"), ErrorCode::bad_request},
        {start(R"("speed":1.21)"), ErrorCode::bad_request},
        {start(R"("speed":"fast")"), ErrorCode::bad_request},
        {start("\"voice\":\"" + std::string(kMaxVoiceNameChars + 1, 'v') + "\""),
         ErrorCode::bad_request},
        {R"({"type":"voice_start"})", ErrorCode::bad_request},
        {R"({"type":"voice_start","stream_id":""})", ErrorCode::bad_request},
        {R"({"type":"voice_start","stream_id":7})", ErrorCode::bad_request},
        {"{\"type\":\"voice_start\",\"stream_id\":\"" + std::string(kMaxIdChars + 1, 's') + "\"}",
         ErrorCode::bad_request},
        {R"({"type":"voice_resume","stream_id":"s"})", ErrorCode::bad_request},
        {R"({"type":"voice_resume","stream_id":"s","from_ms":-5})", ErrorCode::bad_request},
        {R"({"type":"voice_resume","stream_id":"s","from_ms":1e18})", ErrorCode::bad_request},
        {R"({"type":"audio"})", ErrorCode::bad_request, true},
        {R"({"type":"audio","audio":5})", ErrorCode::bad_request, true},
        {R"({"type":"audio","audio":"%%%%"})", ErrorCode::bad_format, true},
        {R"({"type":"audio","audio":"A"})", ErrorCode::bad_format, true},
        {R"({"type":"interrupt","played_ms":"all"})", ErrorCode::bad_request},
        {R"({"type":"interrupt","segment":-1})", ErrorCode::bad_request},
        {R"({"type":"interrupt","turn_id":{}})", ErrorCode::bad_request},
        {R"({"type":"playback","turn_id":"t","state":"started"})", ErrorCode::bad_request},
        {R"({"type":"playback","segment":0,"state":"started"})", ErrorCode::bad_request},
        {R"({"type":"playback","turn_id":"t","segment":0,"state":"loud"})", ErrorCode::bad_request},
    };
    for (const Bad& bad : table) {
        const auto parsed = read(bad.text);
        const auto* error = std::get_if<ClientError>(&parsed);
        ASSERT_NE(error, nullptr) << bad.text;
        EXPECT_EQ(error->code, bad.code) << bad.text;
        EXPECT_EQ(error->audio, bad.audio) << bad.text;
        EXPECT_LE(error->stream_id.size(), kMaxIdChars);
    }
}

} // namespace
} // namespace mr

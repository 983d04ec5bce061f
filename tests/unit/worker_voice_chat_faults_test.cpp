// What must not happen to voice in a chat session, whoever dies or comes back meanwhile: sound of
// two clients mixed, an utterance asked twice or not at all, a stream whose end nobody has heard.
#include "tests/unit/worker_voice_chat_support.h"
#include "worker/apps/voice_ask.h"

namespace mr::test {
namespace {

constexpr uint64_t kSecond = 8; // connection; the client's own is another one

VoiceServices quick_silence() {
    VoiceServices services = scripted_voice();
    services.options.silence_limit = std::chrono::milliseconds(300);
    return services;
}

VoiceServices attentive() {
    VoiceServices services = scripted_voice();
    services.options.clients = std::chrono::milliseconds(100);
    services.options.listeners = std::chrono::milliseconds(100);
    return services;
}

class WorkerVoiceFaults : public testing::Test {
  protected:
    using MakeApps = Apps (*)();
    void start(RawSetting lease = patient_lease(), MakeApps apps = voice_chat<scripted_voice>) {
        worker_ = make(std::move(lease), apps);
        client_ = std::make_unique<VoiceClient>(redis_);
    }
    std::unique_ptr<WorkerProcess> make(RawSetting lease,
                                        MakeApps apps = voice_chat<scripted_voice>) {
        return std::make_unique<WorkerProcess>(redis_, apps,
                                               RawSettings{{"lease", std::move(lease)}});
    }
    VoiceClient& client() { return *client_; }
    int64_t acknowledged() { return parse(client().until("audio_ack"))["received_ms"]; }
    static Json begin(const std::string& type, const std::string& stream = "s1") {
        Json json;
        json["type"] = type;
        json["stream_id"] = stream;
        json["transport"] = "binary";
        json["from_ms"] = 0;
        return json;
    }
    void first(const std::string& type, const std::string& stream = "s1") {
        client().mail(begin(type, stream).dump());
    }
    // The same by another connection of the session.
    void second(const std::string& type, const std::string& stream = "s1") {
        second_mail(begin(type, stream).dump(), MailKind::text);
    }
    void second_frame(const std::string& bytes) { second_mail(bytes, MailKind::binary); }
    void second_mail(const std::string& payload, MailKind kind) {
        Mail mail;
        mail.kind = kind;
        mail.flags = kMailV2 | kMailVoice;
        mail.connection = kSecond;
        mail.number = ++second_mails_;
        mail.payload = as_bytes(payload);
        Buffer bytes;
        encode_mail(bytes, mail);
        const SessionKeys& keys = client().keys();
        const redis::Value reply =
            client().redis().call({"EVAL", kMailScript.text, "5", keys.meta, keys.in_lane,
                                   keys.leases, keys.jobs, keys.in_channel, client().id(), "chat",
                                   bytes.text(), "", "1000", "16777216", "100000", "86400000"});
        EXPECT_FALSE(reply.is_error()) << reply.text;
    }

    // The same while nobody can use the mail script.
    void second_mail_by_hand(const std::string& payload) {
        constexpr std::string_view kPut = R"(
            local n = redis.call('HINCRBY', KEYS[1], 'iseq', 1)
            redis.call('HINCRBY', KEYS[1], 'ibytes', #ARGV[1])
            redis.call('XADD', KEYS[2], '0-' .. n, 'd', ARGV[1])
            return redis.call('SPUBLISH', KEYS[3], struct.pack('<I8', n) .. ARGV[1]))";
        Mail mail;
        mail.flags = kMailV2 | kMailVoice;
        mail.connection = kSecond;
        mail.number = ++second_mails_;
        mail.payload = as_bytes(payload);
        Buffer bytes;
        encode_mail(bytes, mail);
        const SessionKeys& keys = client().keys();
        const redis::Value put = client().redis().call(
            {"EVAL", kPut, "3", keys.meta, keys.in_lane, keys.in_channel, bytes.text()});
        EXPECT_EQ(put.integer, 1) << put.text;
    }

    RedisFixture redis_;
    std::unique_ptr<WorkerProcess> worker_;
    std::unique_ptr<VoiceClient> client_;
    uint32_t second_mails_ = 0;
};

TEST_F(WorkerVoiceFaults, SoundOfTwoTabsIsNotMixed) {
    start();
    first("voice_start");
    client().frame(spelled("start"));
    client().frame(spelled("part say:first"));
    second("voice_start", "s2");
    EXPECT_EQ(client().transcript()["text"], "say:first") << "another microphone has begun";
    client().frame(spelled("say say:mixed")); // it does not know yet
    second_frame(spelled("say say:second"));
    const auto turns = client().turns(2);
    ASSERT_EQ(turns.size(), 2u);
    EXPECT_EQ(turns[1].text, "second ");
    first("voice_start", "s3");
    client().frame(spelled("say say:third"));
    EXPECT_EQ(client().turn().text, "third ") << "and back again";
}

TEST_F(WorkerVoiceFaults, SoundOfTheConnectionBeforeAResumeComesTooLate) {
    start();
    first("voice_start");
    client().frame(spelled(""));
    client().ready();
    second("voice_resume");
    EXPECT_EQ(acknowledged(), 40);
    client().frame(spelled("say say:late"));
    second_frame(spelled("say say:sent-again"));
    EXPECT_EQ(client().turn().text, "sent-again ");
    second("voice_resume");
    EXPECT_EQ(acknowledged(), 80);
}

TEST_F(WorkerVoiceFaults, WhatALeftConnectionSaysOfTheStreamComesTooLate) {
    start();
    first("voice_start");
    client().ready();
    second("voice_resume");
    EXPECT_EQ(acknowledged(), 0);
    first("voice_resume");
    client().stop();
    second_frame(spelled("say say:heard"));
    EXPECT_EQ(client().transcript()["text"], "say:heard") << "neither ended nor taken away";
    EXPECT_EQ(client().turn().text, "heard ");
}

TEST_F(WorkerVoiceFaults, AConnectionThatHasNotResumedIsToldSo) {
    start();
    first("voice_start");
    client().ready();
    second_frame(spelled("say say:unheard"));
    EXPECT_EQ(client().error()["code"], "voice_lost");
    second("voice_resume");
    EXPECT_EQ(acknowledged(), 0);
    second_frame(spelled("say say:heard"));
    EXPECT_EQ(client().turn().text, "heard ");
}

TEST_F(WorkerVoiceFaults, SoundBehindAHoleIsNotHeardAsIfThereWereNone) {
    start();
    second("voice_start");
    client().ready();
    second_frame(spelled("start"));
    ++second_mails_; // the gateway could give it to nobody
    second_frame(spelled("final say:half"));
    const Json lost = client().error();
    EXPECT_EQ(lost["code"], "voice_lost");
    EXPECT_EQ(lost["stream_id"], "s1");
    second("voice_resume");
    EXPECT_EQ(acknowledged(), 40);
    second_frame(spelled("part say:whole"));
    second_frame(spelled("final say:whole"));
    EXPECT_EQ(client().transcript()["start_ms"], 40);
    EXPECT_EQ(client().turn().text, "whole ");
}

TEST_F(WorkerVoiceFaults, AStreamWithoutANameIsANewOneAfterSilence) {
    start(patient_lease(), voice_chat<quick_silence>);
    for (int i = 0; i < 2; ++i) {
        client().sound("say say:same");
        EXPECT_EQ(client().turn().text, "same ") << "at the same place of another stream";
        EXPECT_TRUE(client().wait_finished());
    }
}

TEST_F(WorkerVoiceFaults, AStreamThatIsBegunAnewHasNoPast) {
    start();
    client().start();
    client().sound("say say:one");
    EXPECT_EQ(client().turn().text, "one ");
    client().stop();
    client().transcript();
    client().start();
    client().sound("");
    client().sound("say say:two");
    EXPECT_EQ(client().turn().text, "two ") << "though the places overlap";
}

TEST_F(WorkerVoiceFaults, AQuestionThatIsSentAgainDoesNotInterruptItsAnswer) {
    start(brief_lease());
    const std::string question = "say sleep:1500 say:Answer.";
    client().start({{"tts", true}});
    client().sound(question);
    client().until("turn_start");
    const auto next = make(brief_lease());
    worker_->end(SIGKILL);
    client().mail(R"({"type":"voice_resume","stream_id":"s1","tts":true,"from_ms":0})");
    EXPECT_EQ(acknowledged(), 0);
    client().sound(question);
    EXPECT_EQ(parse(client().until("tts_start"))["text"], "Answer.");
    const Json end = parse(client().until("tts_end"));
    EXPECT_EQ(end["last"], true);
    for (const Event& event : client().seen()) {
        EXPECT_FALSE(event.bytes.starts_with("{\"type\":\"tts_cancelled\"")) << event.bytes;
        EXPECT_EQ(event.bytes.find("\"status\":\"cancelled\""), std::string::npos) << event.bytes;
    }
}

TEST_F(WorkerVoiceFaults, NobodyIsSpokenToForLong) {
    start(patient_lease(), voice_chat<attentive>);
    client().start({{"tts", true}, {"mode", "ptt"}});
    const std::string clause = "say:" + std::string(280, 'x') + ". "; // of 2.8 s
    client().sound("start");
    client().sound("part " + clause + clause);
    client().stop();
    client().until("response_complete");
    EXPECT_TRUE(client().ear().wait([&] { return client().ear().sound_ms() >= 2'000; }));
    EXPECT_TRUE(client().owned()) << "heard by somebody";
    client().close_ear();
    client().until("tts_cancelled");
    EXPECT_TRUE(client().wait_finished());
    const redis::Value said =
        client().redis().call({"LRANGE", client().keys().history, "-1", "-1"});
    EXPECT_EQ(said.at(0).text.find("[…]"), std::string::npos) << "it can be read";
}

TEST_F(WorkerVoiceFaults, AMicrophoneWhoseClientHasGoneIsClosed) {
    start(patient_lease(), voice_chat<attentive>);
    client().start();
    client().ready();
    client().sound("start");
    client().sound("part say:half");
    EXPECT_TRUE(client().ear().wait([&] { return client().ear().count("transcript") == 1; }));
    client().mail(R"({"type":"ping","t":1})");
    client().until("pong");
    EXPECT_TRUE(client().owned()) << "its client is there";
    client().close_ear();
    EXPECT_TRUE(client().wait_finished()) << "long before the limit of silence";
    client().mail(R"({"type":"voice_resume","stream_id":"s1","from_ms":80})");
    EXPECT_EQ(acknowledged(), 80) << "and it is opened again for a client that comes back";
    client().sound("say say:whole");
    EXPECT_EQ(client().turn().text, "whole ");
}

TEST_F(WorkerVoiceFaults, ATranscriptIsToldBeforeItsTurnThoughItIsNotKnownToBeStored) {
    start();
    first("voice_start");
    client().ready();
    const std::string leases(client().keys().leases.view());
    client().redis().call({"RENAME", leases, "kept"});
    client().redis().call({"SET", leases, "no leases"}); // the mail script fails from now on
    Json sound;
    sound["type"] = "audio";
    sound["stream_id"] = "s1";
    sound["audio"] = base64_of(as_bytes(spelled("say say:hello")));
    second_mail_by_hand(sound.dump());
    Json stored; // as if a reply had been lost
    stored["type"] = "ask";
    stored["message"] = "say:hello";
    stored["message_id"] = utterance_message_id("s1", {40, 50});
    second_mail_by_hand(stored.dump());
    const Json begun = parse(client().until("turn_start"));
    EXPECT_EQ(begun["message_id"], stored["message_id"]);
    client().redis().call({"DEL", leases});
    client().redis().call({"RENAME", "kept", leases});
    client().until("response_complete");
    size_t transcripts = 0;
    bool in_front = false;
    for (const Event& event : client().seen()) {
        const Json json = parse(event);
        transcripts += json["type"] == "transcript" ? 1U : 0U;
        in_front = in_front || (json["type"] == "turn_start" && transcripts == 1);
    }
    EXPECT_TRUE(in_front);
    EXPECT_TRUE(client().owned());
    client().question("say:behind");
    EXPECT_EQ(client().turns(2).back().text, "behind ") << "and it is asked once";
    for (const Event& event : client().seen()) {
        transcripts += parse(event)["type"] == "transcript" ? 1U : 0U;
    }
    EXPECT_EQ(transcripts, 2u) << "told once";
}

TEST_F(WorkerVoiceFaults, TheEndOfAStreamIsHeardByTheNextOwnerToo) {
    start(brief_lease());
    client().start({{"mode", "ptt"}});
    client().sound("start");
    client().sound("mute");
    client().stop();
    client().question("say:behind"); // all before it has been taken
    EXPECT_EQ(client().turn().text, "behind ");
    const auto next = make(brief_lease());
    worker_->end(SIGKILL);
    const Json lost = client().error();
    EXPECT_EQ(lost["code"], "voice_lost");
    EXPECT_EQ(lost["stream_id"], "s1");
    client().mail(R"({"type":"voice_resume","stream_id":"s1","mode":"ptt","from_ms":0})");
    EXPECT_EQ(acknowledged(), 0);
    client().sound("start");
    client().sound("part say:again");
    client().stop();
    EXPECT_EQ(client().turn().text, "again ");
    EXPECT_TRUE(client().wait_finished());
    client().expect_no_sound_is_kept();
}

} // namespace
} // namespace mr::test

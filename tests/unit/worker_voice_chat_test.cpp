// Voice in a chat session, hearing: microphones that are opened, refused and closed, sound in every
// form, one question for each utterance, and what is told when it cannot be.
#include "tests/unit/worker_voice_chat_support.h"

namespace mr::test {
namespace {

VoiceServices quick_silence() {
    VoiceServices services = scripted_voice();
    services.options.silence_limit = std::chrono::milliseconds(300);
    return services;
}

VoiceServices deaf() {
    VoiceServices services;
    services.no_recogniser = "No recogniser is set up here";
    return services;
}

// A worker that waits for what is over would wait for ever.
VoiceServices endless() {
    VoiceServices services = scripted_voice();
    services.options.silence_limit = std::chrono::minutes(10);
    services.options.speech_ahead = std::chrono::minutes(10);
    return services;
}

class WorkerVoice : public testing::Test {
  protected:
    using MakeApps = Apps (*)();
    void start(MakeApps apps = voice_chat<scripted_voice>, RawSettings settings = {}) {
        settings.try_emplace("lease", patient_lease());
        worker_ = std::make_unique<WorkerProcess>(redis_, apps, std::move(settings));
        client_ = std::make_unique<VoiceClient>(redis_);
    }
    VoiceClient& client() { return *client_; }

    RedisFixture redis_;
    std::unique_ptr<WorkerProcess> worker_;
    std::unique_ptr<VoiceClient> client_;
};

TEST_F(WorkerVoice, AnUtteranceIsAskedOnceAndAnsweredAsIfItWereTyped) {
    start();
    client().start();
    const Json ready = client().ready();
    EXPECT_EQ(ready["stream_id"], "s1");
    EXPECT_EQ(ready["engine"], "spelled");
    EXPECT_EQ(ready["tts"], false);
    client().sound("start");
    client().sound("part say:the");
    client().sound("stop");
    client().sound("final say:the-answer history");
    const Json final_transcript = client().transcript();
    EXPECT_EQ(final_transcript["text"], "say:the-answer history");
    EXPECT_EQ(final_transcript["is_final"], true);
    EXPECT_EQ(final_transcript["speech_final"], true);
    EXPECT_EQ(final_transcript["start_ms"], 40) << "the frame with its beginning";
    EXPECT_EQ(final_transcript["end_ms"], 170);
    const Turn turn = client().turn();
    EXPECT_EQ(turn.text, "the-answer 0/null");
    const Json* begun = turn.find("turn_start");
    ASSERT_NE(begun, nullptr);
    EXPECT_EQ((*begun)["message_id"], final_transcript["message_id"]);
    EXPECT_EQ((*begun)["question"], final_transcript["text"]);
    client().question("history"); // of the same conversation
    EXPECT_EQ(client().turn().text, R"(2/{"said":17})");
    EXPECT_TRUE(client().ear().wait([&] { return client().ear().count("transcript") == 1; }));
    EXPECT_EQ(client().ear().count("speech_started"), 1u);
    EXPECT_EQ(client().ear().count("speech_stopped"), 1u);
    client().stop();
    EXPECT_EQ(client().transcript()["text"], "") << "a microphone that is closed in silence";
    EXPECT_TRUE(client().wait_finished());
    client().expect_no_sound_is_kept();
}

TEST_F(WorkerVoice, TheOriginalsClientsSayNothingOfTheirSound) {
    start();
    client().sound("say say:hello");
    EXPECT_EQ(client().ready()["stream_id"], "");
    EXPECT_EQ(client().transcript()["text"], "say:hello");
    EXPECT_EQ(client().turn().text, "hello ");
    const auto seen = client().seen();
    for (const Event& event : seen) {
        if (event.bytes.starts_with("{\"type\":\"transcript\"")) {
            EXPECT_EQ(event.flags & kEventV2Only, 0) << "v1 clients have no other way to know";
            EXPECT_GT(event.v1_length, 0u);
        }
    }
}

TEST_F(WorkerVoice, TwoUtterancesAreTwoTurnsInOrder) {
    start();
    client().start();
    client().sound("say say:one sleep:100 say:end");
    client().sound("say say:two");
    const auto turns = client().turns(2);
    ASSERT_EQ(turns.size(), 2u);
    EXPECT_EQ(turns[0].text, "one end ");
    EXPECT_EQ(turns[1].text, "two ");
}

TEST_F(WorkerVoice, MailThatIsThereTwiceIsOneTurn) {
    start();
    client().start();
    client().sound("say say:one");
    client().mail_again(); // Redis had forgotten it
    client().question("say:behind");
    const auto turns = client().turns(2);
    ASSERT_EQ(turns.size(), 2u);
    const size_t spoken = turns[0].text == "one " ? 0 : 1; // the other was in the lane before it
    EXPECT_EQ(turns[spoken].text, "one ");
    EXPECT_EQ(turns[1 - spoken].text, "behind ");
    // So it is for the question that was made of it.
    client().ask("say:again", turns[spoken].find("turn_start")->at("message_id"));
    client().question("say:last");
    EXPECT_EQ(client().turn().text, "last ");
}

TEST_F(WorkerVoice, BinaryFramesAndOtherRatesAreHeard) {
    start();
    client().start({{"transport", "binary"}, {"sample_rate", 48'000}});
    client().frame(spelled("say say:high", 40, 48'000));
    EXPECT_EQ(client().turn().text, "high ");
    client().start({{"transport", "binary"}, {"sample_rate", 22'050}}, "s2");
    const Json error = client().error();
    EXPECT_EQ(error["code"], "bad_format");
    EXPECT_EQ(error["stream_id"], "s2");
}

TEST_F(WorkerVoice, PushToTalkEndsWithTheKey) {
    start();
    client().start({{"mode", "ptt"}});
    client().sound("start");
    client().sound("part say:pushed");
    client().stop();
    EXPECT_EQ(client().transcript()["text"], "say:pushed");
    EXPECT_EQ(client().turn().text, "pushed ");
    EXPECT_TRUE(client().wait_finished()) << "no microphone is open any more";
}

TEST_F(WorkerVoice, WhatIsNoSpeechIsNoTurn) {
    start();
    client().start();
    client().sound("start");
    client().sound("drop");
    EXPECT_EQ(client().transcript()["text"], "");
    client().sound("start");
    client().sound("stop");
    client().sound("final  ");
    EXPECT_EQ(client().transcript()["is_final"], true);
    client().question("say:typed");
    EXPECT_EQ(client().turn().text, "typed ") << "and no turn was in front of it";
}

struct BadFrame {
    std::string bytes;
    bool binary;
    std::string code;
};

TEST_F(WorkerVoice, BadFramesAreNamedOnceAndTheStreamGoesOn) {
    start();
    const BadFrame frames[] = {
        {std::string(3, 'x'), true, "bad_format"},
        {"", true, "bad_format"},
        {std::string(2 * 16 * 201, '\0'), true, "bad_format"},
        {R"({"type":"audio","audio":"%"})", false, "bad_format"},
        {R"({"type":"audio","audio":7})", false, "bad_request"},
        {R"({"type":"audio","stream_id":"s1"})", false, "bad_request"},
    };
    client().start({{"transport", "binary"}});
    client().ready();
    for (const BadFrame& bad : frames) {
        for (int i = 0; i < 3; ++i) {
            client().mail(bad.bytes, bad.binary ? MailKind::binary : MailKind::text);
        }
        EXPECT_EQ(client().error()["code"], bad.code);
        client().frame(spelled(""));
    }
    client().frame(spelled("say say:fine"));
    EXPECT_EQ(client().turn().text, "fine ");
    size_t errors = 0;
    for (const Event& event : client().seen()) {
        errors += event.bytes.starts_with("{\"type\":\"error\"") ? 1U : 0U;
    }
    EXPECT_EQ(errors, std::size(frames)) << "once each, not for every frame";
}

TEST_F(WorkerVoice, BinaryFramesNeedTheirTransport) {
    start();
    client().start();
    client().frame(spelled("say say:unheard"));
    EXPECT_EQ(client().error()["code"], "unsupported_data");
    client().sound("say say:heard");
    EXPECT_EQ(client().turn().text, "heard ");
}

TEST_F(WorkerVoice, AnOverrunIsToldOnce) {
    start();
    client().start();
    for (int i = 0; i < 5; ++i) {
        client().sound("full");
    }
    const Json error = client().error();
    EXPECT_EQ(error["code"], "audio_overrun");
    EXPECT_EQ(error["stream_id"], "s1");
    client().sound("say say:after");
    const Json transcript = client().transcript();
    EXPECT_EQ(transcript["start_ms"], 240) << "what was dropped is a gap of known length";
    client().sound("full");
    EXPECT_EQ(client().error()["code"], "audio_overrun") << "another one";
}

TEST_F(WorkerVoice, AMicrophoneThatCannotBeOpenedSaysWhy) {
    start();
    client().start({{"language", "none"}});
    const Json error = client().error();
    EXPECT_EQ(error["code"], "voice_unavailable");
    EXPECT_EQ(error["message"], "All microphones are taken");
    EXPECT_EQ(error["stream_id"], "s1");
    client().sound("say say:x", "s1"); // was on its way: no further word
    client().start({}, "s2");
    EXPECT_EQ(client().ready()["stream_id"], "s2");
    client().sound("break");
    EXPECT_EQ(client().error()["message"], "The recogniser went away");
    client().question("say:typed");
    EXPECT_EQ(client().turn().text, "typed ");
}

TEST_F(WorkerVoice, WithoutARecogniserItIsUnavailable) {
    start(voice_chat<deaf>);
    client().start();
    EXPECT_EQ(client().error()["message"], "No recogniser is set up here");
    client().sound("say say:x");
    client().sound("say say:x");
    client().question("say:typed");
    EXPECT_EQ(client().turn().text, "typed ");
}

TEST(WorkerWithoutVoice, SaysSoAndTakesNoBinary) {
    RedisFixture redis;
    WorkerProcess worker(redis, scripted_chat);
    VoiceClient client(redis);
    client.start();
    EXPECT_EQ(client.error()["code"], "voice_unavailable");
    client.frame(spelled("say say:x"));
    EXPECT_EQ(client.error()["code"], "unsupported_data");
}

TEST_F(WorkerVoice, AnotherMicrophoneEndsTheOneBefore) {
    start();
    client().start();
    client().sound("start");
    client().sound("part say:first");
    client().start({}, "s2");
    EXPECT_EQ(client().transcript()["text"], "say:first");
    client().sound("say say:second", "s2");
    client().sound("say say:lost", "s1");
    EXPECT_EQ(client().error()["code"], "voice_lost");
    EXPECT_EQ(client().turns(2).back().text, "second ");
}

TEST_F(WorkerVoice, SilenceClosesTheMicrophoneAndTheSessionIsGivenUp) {
    start(voice_chat<quick_silence>);
    client().start();
    client().ready();
    EXPECT_TRUE(client().wait_finished());
    client().sound("say say:late", "s1");
    EXPECT_EQ(client().error()["code"], "voice_lost");
}

TEST_F(WorkerVoice, AResumedStreamGoesOnWhereItWasHeard) {
    start();
    client().start();
    client().ready();
    client().sound("");
    client().sound("");
    client().mail(R"({"type":"voice_resume","stream_id":"s1","from_ms":20})");
    const Json ack = parse(client().until("audio_ack"));
    EXPECT_EQ(ack["received_ms"], 80);
    client().mail(R"({"type":"voice_resume","stream_id":"s1","from_ms":500})");
    EXPECT_EQ(parse(client().until("audio_ack"))["received_ms"], 500);
    client().sound("say say:x");
    EXPECT_EQ(client().transcript()["start_ms"], 540);
}

TEST_F(WorkerVoice, AnOwnerThatDiesWithAnOpenMicrophoneIsReplaced) {
    start(voice_chat<scripted_voice>, {{"lease", brief_lease()}});
    client().start();
    client().sound("say say:one");
    EXPECT_EQ(client().turn().text, "one ");
    const auto next = std::make_unique<WorkerProcess>(redis_, voice_chat<scripted_voice>,
                                                      RawSettings{{"lease", brief_lease()}});
    worker_->end(SIGKILL);
    client().sound("", "s1");
    client().sound("", "s1");
    EXPECT_EQ(client().error()["code"], "voice_lost");
    // From the client's ring: the utterance that was asked already, and what came behind it.
    client().mail(R"({"type":"voice_resume","stream_id":"s1","from_ms":0})");
    EXPECT_EQ(client().ready()["stream_id"], "s1");
    EXPECT_EQ(parse(client().until("audio_ack"))["received_ms"], 0);
    client().sound("say say:one");
    client().sound("say say:two");
    const auto turns = client().turns(1);
    ASSERT_EQ(turns.size(), 1u);
    EXPECT_EQ(turns[0].text, "two ") << "what was asked before is not asked again";
    client().stop();
    client().transcript();
    EXPECT_TRUE(client().wait_finished());
    client().expect_no_sound_is_kept();
}

TEST_F(WorkerVoice, AnOpenMicrophoneDoesNotHoldUpAWorkerThatIsStopped) {
    start(voice_chat<scripted_voice>, {{"drain", {"120s", "test"}}});
    client().start();
    client().ready();
    const auto next = std::make_unique<WorkerProcess>(redis_, voice_chat<scripted_voice>,
                                                      RawSettings{{"lease", brief_lease()}});
    const auto told = std::chrono::steady_clock::now();
    worker_->signal(SIGTERM);
    EXPECT_EQ(worker_->wait(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - told, std::chrono::seconds(60));
    client().sound("say say:x", "s1");
    EXPECT_EQ(client().error()["code"], "voice_lost") << "by the next one";
}

// Its client has gone in the middle of a word, or hears the last of what it has been sent.
TEST_F(WorkerVoice, NorDoesASpeakerWhoHasGoneOrAnAnswerThatIsSent) {
    for (const bool speaking : {true, false}) {
        SCOPED_TRACE(speaking);
        start(voice_chat<endless>, {{"drain", {"120s", "test"}}});
        client().start({{"tts", true}});
        client().ready();
        if (speaking) {
            client().sound("start");
            ASSERT_TRUE(client().ear().wait(
                [this] { return client().ear().count("speech_started") == 1; }));
        } else {
            client().sound("say say:A-sentence-of-twenty-eight-b.");
            while (!parse(client().until("tts_end"))["last"].get<bool>()) {
            }
        }
        const auto told = std::chrono::steady_clock::now();
        worker_->signal(SIGTERM);
        EXPECT_EQ(worker_->wait(), 0);
        EXPECT_LT(std::chrono::steady_clock::now() - told, std::chrono::seconds(60));
    }
}

// Who speaks while the worker is stopped is heard to the end: the question is the next one's.
TEST_F(WorkerVoice, AnUtteranceUnderWayIsHeardToItsEndByAWorkerThatIsStopped) {
    start(voice_chat<scripted_voice>, {{"drain", {"120s", "test"}}});
    client().start();
    client().ready();
    const auto next = std::make_unique<WorkerProcess>(redis_, voice_chat<scripted_voice>,
                                                      RawSettings{{"lease", brief_lease()}});
    client().sound("start");
    ASSERT_TRUE(
        client().ear().wait([this] { return client().ear().count("speech_started") == 1; }));
    worker_->signal(SIGTERM);
    client().sound("stop");
    client().sound("final say:heard");
    EXPECT_EQ(worker_->wait(), 0);
    const auto turns = client().turns(1);
    ASSERT_EQ(turns.size(), 1U);
    EXPECT_EQ(turns[0].text, "heard ");
}

TEST_F(WorkerVoice, ASpokenQuestionSurvivesItsWorker) {
    start(voice_chat<scripted_voice>, {{"lease", brief_lease()}});
    client().start();
    client().sound("say phase:a say:one sleep:50 die-once say:end");
    client().sound("say say:two"); // waits
    client().until("turn_start");
    const auto next = std::make_unique<WorkerProcess>(redis_, voice_chat<scripted_voice>,
                                                      RawSettings{{"lease", brief_lease()}});
    worker_->end(SIGKILL);
    const auto turns = client().turns(2);
    ASSERT_EQ(turns.size(), 2u);
    EXPECT_EQ(turns[0].text, "one end ");
    EXPECT_EQ(turns[1].text, "two ");
}

} // namespace
} // namespace mr::test

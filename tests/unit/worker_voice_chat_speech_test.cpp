// Voice in a chat session, speaking: segments and their sound, pace, progress, what cuts an answer
// short, and what is remembered of it then.
#include "tests/unit/worker_voice_chat_support.h"

namespace mr::test {
namespace {

using std::chrono::milliseconds;

VoiceServices impatient() {
    VoiceServices services = scripted_voice();
    services.options.progress_after = milliseconds(50);
    services.options.progress_every = milliseconds(50);
    services.options.max_progress = 1;
    return services;
}

VoiceServices chiming() {
    VoiceServices services = impatient();
    services.options.progress = SpokenProgress::chime;
    return services;
}

VoiceServices brief() {
    VoiceServices services = scripted_voice();
    services.options.max_spoken_bytes = 12;
    return services;
}

// 290 ms of sound, and more than is sent ahead.
constexpr const char* kShort = "say say:A-sentence-of-twenty-eight-b.";
const std::string kEndless = "say:" + std::string(350, 'x') + ".";

class WorkerSpeech : public testing::Test {
  protected:
    using MakeApps = Apps (*)();
    void start(MakeApps apps = voice_chat<scripted_voice>, RawSetting lease = patient_lease()) {
        worker_ = std::make_unique<WorkerProcess>(redis_, apps, RawSettings{{"lease", lease}});
        client_ = std::make_unique<VoiceClient>(redis_);
    }
    VoiceClient& client() { return *client_; }
    void listen(Json more = Json::object()) {
        more["tts"] = true;
        client().start(more);
        ready_ = client().ready();
    }
    // As the next question finds it.
    std::string remembered() {
        const redis::Value list =
            client().redis().call({"LRANGE", client().keys().history, "0", "-1"});
        for (auto entry = list.elements.rbegin(); entry != list.elements.rend(); ++entry) {
            const Json json = Json::parse(entry->text);
            if (json["role"] == "assistant") {
                return json["content"];
            }
        }
        return "nothing";
    }
    bool remembers(const std::string& answer) {
        return TestSession::wait([&] { return remembered() == answer; }, std::chrono::seconds(15));
    }

    RedisFixture redis_;
    std::unique_ptr<WorkerProcess> worker_;
    std::unique_ptr<VoiceClient> client_;
    Json ready_;
};

TEST_F(WorkerSpeech, AnAnswerIsSpokenInSegmentsWhileItIsWritten) {
    start();
    listen();
    EXPECT_EQ(ready_["tts"], true);
    EXPECT_EQ(ready_["tts_engine"], "counted");
    client().sound("say say:One. say:Two-is-longer. say:three");
    const std::string texts[] = {"One.", "Two-is-longer.", "three"};
    std::string turn_id;
    int64_t whole_ms = 0;
    for (int i = 0; i < 3; ++i) {
        const Json begun = parse(client().until("tts_start"));
        EXPECT_EQ(begun["segment"], i);
        EXPECT_EQ(begun["text"], texts[i]);
        EXPECT_EQ(begun["sample_rate"], kSpeechRate);
        EXPECT_EQ(begun["encoding"], "pcm_s16le");
        EXPECT_EQ(begun["transport"], "base64");
        EXPECT_EQ(begun["stream_id"], "s1");
        EXPECT_FALSE(begun.contains("kind"));
        turn_id = begun["turn_id"];
        const Json ended = parse(client().until("tts_end"));
        EXPECT_EQ(ended["segment"], i);
        EXPECT_EQ(ended["duration_ms"], static_cast<int64_t>(texts[i].size()) * kMsPerByte);
        EXPECT_EQ(ended["last"], i == 2);
        whole_ms += ended["duration_ms"].get<int64_t>();
    }
    EXPECT_TRUE(client().ear().wait([&] { return client().ear().sound_ms() == whole_ms; }));
    EXPECT_TRUE(remembers("One. Two-is-longer. three "));
    client().stop();
    EXPECT_TRUE(client().wait_finished()) << "what was spoken has been heard";
    client().expect_no_sound_is_kept();
    for (const Event& event : client().ear().events()) {
        EXPECT_NE(event.flags & kEventV2Only, 0) << event.bytes;
    }
}

TEST_F(WorkerSpeech, StagesAddUp) {
    start();
    listen();
    client().sound("start");
    client().sound("");
    client().sound("stop");
    client().sound("final sleep:30 say:Answer.");
    const Json metrics = parse(client().until("voice_metrics"));
    const auto ms = [&metrics](const char* name) { return metrics[name].get<int64_t>(); };
    EXPECT_EQ(ms("endpoint_ms") + ms("stt_final_ms") + ms("first_token_ms") + ms("first_audio_ms"),
              ms("voice_to_voice_ms"));
    EXPECT_GE(ms("first_token_ms"), 25) << "the turn slept";
    EXPECT_EQ(metrics["utterance_id"], "s1-40");
}

TEST_F(WorkerSpeech, BinarySoundHasNoJson) {
    start();
    listen({{"transport", "binary"}});
    client().frame(spelled(kShort));
    const Json begun = parse(client().until("tts_start"));
    EXPECT_EQ(begun["transport"], "binary");
    client().until("tts_end");
    EXPECT_TRUE(client().ear().wait([&] { return client().ear().sound_ms() == 290; }));
    for (const Event& event : client().ear().events()) {
        EXPECT_FALSE(event.bytes.starts_with("{\"type\":\"tts_audio\""));
    }
}

TEST_F(WorkerSpeech, OnlyWhoAskedBySpeakingIsSpokenTo) {
    start();
    listen();
    client().question("say:Typed.");
    EXPECT_EQ(client().turn().text, "Typed. ");
    client().start({{"tts", false}}, "s2");
    client().sound("say say:Silent.", "s2");
    EXPECT_EQ(client().turn().text, "Silent. ");
    EXPECT_EQ(client().ear().sound_ms(), 0);
}

TEST_F(WorkerSpeech, SoundIsNotFarAheadOfItsTime) {
    start();
    listen();
    const auto begun = std::chrono::steady_clock::now();
    client().sound("say " + kEndless.substr(0, 104) + ". say:" + std::string(230, 'y') + ".");
    EXPECT_TRUE(client().ear().wait([&] { return client().ear().sound_ms() >= 2'900; }));
    client().mail(R"({"type":"ping","t":1})");
    client().until("pong");
    const auto passed = std::chrono::steady_clock::now() - begun;
    const int64_t passed_ms = std::chrono::duration_cast<milliseconds>(passed).count();
    EXPECT_LE(client().ear().sound_ms(), 3'000 + 100 + passed_ms);
}

TEST_F(WorkerSpeech, WordsInterruptAnAnswer) {
    start();
    listen();
    client().sound("say say:First. " + kEndless + " hang");
    client().until("tts_start");
    const std::string turn_id = parse(client().until("tts_start"))["turn_id"];
    Json told;
    told["type"] = "playback";
    told["turn_id"] = turn_id;
    told["segment"] = 1;
    told["state"] = "paused";
    told["at_ms"] = 100;
    client().sound("start");
    client().mail(told.dump());
    client().sound("part say:stop");
    const Json cancelled = parse(client().until("tts_cancelled"));
    EXPECT_EQ(cancelled["turn_id"], turn_id);
    EXPECT_EQ(cancelled["from_segment"], 1);
    EXPECT_EQ(cancelled["heard_text"], "First.");
    const Json end = parse(client().until("response_complete"));
    EXPECT_EQ(end["turn_id"], turn_id);
    EXPECT_EQ(end["status"], "cancelled");
    EXPECT_TRUE(remembers("First.  […]"));
    const int64_t sound_ms = client().ear().sound_ms();
    client().sound("stop");
    client().sound("final history");
    const Json next = parse(client().until("response_complete"));
    EXPECT_EQ(next["status"], "ok");
    EXPECT_NE(next["turn_id"], turn_id);
    EXPECT_GE(client().ear().sound_ms(), sound_ms);
}

TEST_F(WorkerSpeech, ACoughDoesNotInterrupt) {
    start();
    listen();
    client().sound("say say:One. " + kEndless + " sleep:300 say:Three.");
    client().until("tts_start");
    client().until("tts_start");
    client().sound("start");
    client().mail(R"({"type":"ping","t":1})");
    client().until("pong");
    client().sound("drop");
    EXPECT_EQ(parse(client().until("transcript"))["text"], "");
    EXPECT_EQ(parse(client().until("tts_end"))["segment"], 1) << "goes on to its end";
    EXPECT_EQ(parse(client().until("tts_end"))["last"], true);
    for (const Event& event : client().seen()) {
        EXPECT_FALSE(event.bytes.starts_with("{\"type\":\"tts_cancelled\""));
    }
}

TEST_F(WorkerSpeech, AnInterruptCutsTheHistoryOfAnAnswerThatIsOver) {
    start();
    listen();
    client().sound("say say:First. say:Second-one. " + kEndless);
    const Json end = parse(client().until("response_complete"));
    EXPECT_EQ(end["status"], "ok");
    EXPECT_TRUE(client().ear().wait([&] { return client().ear().sound_ms() >= 2'000; }));
    Json interrupt;
    interrupt["type"] = "interrupt";
    interrupt["turn_id"] = end["turn_id"];
    interrupt["segment"] = 1;
    interrupt["played_ms"] = 110;
    client().mail(interrupt.dump());
    const Json cancelled = parse(client().until("tts_cancelled"));
    EXPECT_EQ(cancelled["heard_text"], "First. Second-one.");
    EXPECT_EQ(cancelled["from_segment"], 2);
    EXPECT_TRUE(remembers("First. Second-one.  […]"));
    interrupt["played_ms"] = 0; // later, and better known
    client().mail(interrupt.dump());
    EXPECT_EQ(parse(client().until("tts_cancelled"))["heard_text"], "First.");
    EXPECT_TRUE(remembers("First.  […]"));
    client().sound("say last");
    EXPECT_EQ(parse(client().until("text_chunk"))["content"], "First.  […]");
    client().until("response_complete");
    client().stop();
    EXPECT_TRUE(client().wait_finished());
    client().expect_no_sound_is_kept();
}

TEST_F(WorkerSpeech, AnInterruptOfNothingIsAcknowledged) {
    start();
    client().mail(R"({"type":"interrupt","turn_id":"unknown","played_ms":5})");
    EXPECT_EQ(parse(client().until("tts_cancelled"))["turn_id"], "unknown");
    client().question("say:typed hang");
    const std::string turn_id = parse(client().until("turn_start"))["turn_id"];
    client().mail(R"({"type":"interrupt","turn_id":")" + turn_id + "\"}");
    EXPECT_EQ(parse(client().until("response_complete"))["status"], "cancelled");
}

TEST_F(WorkerSpeech, StopStopsTheVoiceToo) {
    start();
    listen();
    client().sound("say " + kEndless + " hang");
    client().until("tts_start");
    client().mail(R"({"type":"cancel"})");
    client().until("tts_cancelled");
    EXPECT_EQ(parse(client().until("response_complete"))["status"], "cancelled");
}

TEST_F(WorkerSpeech, LongPhasesAreTold) {
    start(voice_chat<impatient>);
    listen();
    client().sound("say phase:a sleep:400 say:Answer.");
    const Json progress = parse(client().until("tts_start"));
    EXPECT_EQ(progress["kind"], "progress");
    EXPECT_EQ(progress["text"], "Doing a");
    const Json answer = parse(client().until("tts_start"));
    EXPECT_EQ(answer["text"], "Answer.");
    EXPECT_EQ(answer["segment"], 1);
    EXPECT_FALSE(answer.contains("kind"));
}

TEST_F(WorkerSpeech, OrChimed) {
    start(voice_chat<chiming>);
    listen();
    client().sound("say sleep:400 say:Answer.");
    const Json progress = parse(client().until("tts_start"));
    EXPECT_EQ(progress["kind"], "progress");
    EXPECT_EQ(progress["text"], "");
    EXPECT_EQ(parse(client().until("tts_end"))["duration_ms"], 240);
    EXPECT_EQ(parse(client().until("tts_start"))["segment"], 1);
}

TEST_F(WorkerSpeech, AVoiceThatFailsLeavesTheText) {
    start();
    listen();
    client().sound("say say:First. say:mute. say:Third.");
    const Json error = client().error();
    EXPECT_EQ(error["code"], "voice_unavailable");
    EXPECT_EQ(error["message"], "The voice broke off");
    client().sound("say say:More.");
    EXPECT_EQ(parse(client().until("tts_start"))["text"], "More.") << "the next one is spoken";
    client().start({{"tts", true}, {"voice", "nobody"}}, "s2");
    client().sound("say say:Unheard.", "s2");
    EXPECT_EQ(client().error()["message"], "There is no voice nobody");
}

TEST_F(WorkerSpeech, ALongAnswerIsSpokenInItsBeginning) {
    start(voice_chat<brief>);
    listen();
    client().sound("say say:Short. say:" + std::string(300, 'x'));
    EXPECT_EQ(parse(client().until("tts_start"))["text"], "Short.");
    EXPECT_EQ(parse(client().until("tts_start"))["text"], "xxxxx");
    EXPECT_EQ(parse(client().until("tts_end"))["last"], true);
}

TEST_F(WorkerSpeech, AnAnswerThatIsTakenOverIsNotSpokenFromItsMiddle) {
    start(voice_chat<scripted_voice>, brief_lease());
    listen();
    client().sound("say phase:a say:One. sleep:50 die-once say:Two. hang");
    client().until("tts_start");
    const auto next = std::make_unique<WorkerProcess>(redis_, voice_chat<scripted_voice>,
                                                      RawSettings{{"lease", brief_lease()}});
    worker_->end(SIGKILL);
    client().until("attempt");
    client().mail(R"({"type":"voice_resume","stream_id":"s1","tts":true,"from_ms":80})");
    client().until("audio_ack");
    client().mail(R"({"type":"cancel"})");
    EXPECT_EQ(parse(client().until("response_complete"))["status"], "cancelled");
    size_t spoken = 0;
    for (const Event& event : client().seen()) {
        spoken += event.bytes.starts_with("{\"type\":\"tts_start\"") ? 1U : 0U;
    }
    EXPECT_EQ(spoken, 1u);
}

} // namespace
} // namespace mr::test

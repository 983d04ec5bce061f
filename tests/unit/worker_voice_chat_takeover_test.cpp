// Voice in a chat session whose worker dies while an answer is spoken, or cut short: what clients
// were told of its segments and of what was heard goes on to be true.
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

// More than is sent ahead.
const std::string kEndless = "say:" + std::string(350, 'x') + ".";

class WorkerVoiceTakeover : public testing::Test {
  protected:
    using MakeApps = Apps (*)();
    void start(MakeApps apps = voice_chat<scripted_voice>) {
        apps_ = apps;
        first_ = make();
        client_ = std::make_unique<VoiceClient>(redis_);
        client().start({{"tts", true}});
        client().ready();
    }
    std::unique_ptr<WorkerProcess> make() {
        return std::make_unique<WorkerProcess>(redis_, apps_,
                                               RawSettings{{"lease", brief_lease()}});
    }
    // The worker that dies is not the one that goes on.
    void take_over() {
        next_ = make();
        first_->end(SIGKILL);
    }
    VoiceClient& client() { return *client_; }
    Json event(std::string_view type) { return parse(client().until(type)); }
    void speak_two_segments(const std::string& then) {
        client().sound("say say:First. say:Second-one. " + kEndless + " " + then);
        event("tts_start");
        turn_id_ = event("tts_start")["turn_id"];
        event("tts_start");
    }
    Json interrupt() {
        Json json;
        json["type"] = "interrupt";
        json["turn_id"] = turn_id_;
        return json;
    }
    bool remembers(const std::string& answer) {
        const auto remembered = [this] {
            const redis::Value list =
                client().redis().call({"LRANGE", client().keys().history, "-1", "-1"});
            return list.elements.empty() ? std::string()
                                         : Json::parse(list.at(0).text).value("content", "");
        };
        const bool found =
            TestSession::wait([&] { return remembered() == answer; }, std::chrono::seconds(15));
        EXPECT_TRUE(found) << remembered();
        return found;
    }

    RedisFixture redis_;
    MakeApps apps_ = nullptr;
    std::unique_ptr<WorkerProcess> first_;
    std::unique_ptr<WorkerProcess> next_;
    std::unique_ptr<VoiceClient> client_;
    std::string turn_id_;
};

TEST_F(WorkerVoiceTakeover, AnInterruptThatItsOwnerHasNotFinishedIsToldAgainAsItWas) {
    start();
    speak_two_segments("die-stopped");
    next_ = make();
    Json interrupted = interrupt();
    interrupted["segment"] = 1;
    interrupted["played_ms"] = 110;
    client().mail(interrupted.dump());
    const Json told = event("tts_cancelled");
    EXPECT_EQ(told["heard_text"], "First. Second-one.");
    EXPECT_EQ(told["from_segment"], 2);
    const Json again = event("tts_cancelled");
    EXPECT_EQ(again["turn_id"], turn_id_);
    EXPECT_EQ(again["heard_text"], told["heard_text"]);
    EXPECT_EQ(again["from_segment"], told["from_segment"]);
    EXPECT_EQ(event("response_complete")["status"], "cancelled");
    EXPECT_TRUE(remembers("First. Second-one.  […]"));
    EXPECT_TRUE(client().wait_finished());
    client().expect_no_sound_is_kept();
}

TEST_F(WorkerVoiceTakeover, WhatTheInterruptItselfDoesNotSayIsToldAgainToo) {
    start();
    std::string words;
    for (int i = 0; i < 30; ++i) {
        words += "say:word ";
    }
    client().sound("say say:First. " + words + "say:end. die-stopped");
    turn_id_ = event("tts_start")["turn_id"];
    next_ = make();
    EXPECT_TRUE(client().ear().wait([&] { return client().ear().sound_ms() == 1'600; }));
    Json played = interrupt();
    played["type"] = "playback";
    played["segment"] = 1;
    played["state"] = "paused";
    played["at_ms"] = 300;
    client().mail(played.dump());
    client().mail(interrupt().dump());
    const Json told = event("tts_cancelled");
    EXPECT_EQ(told["from_segment"], 1);
    EXPECT_GT(told["heard_text"].get<std::string>().size(), 6U) << "into its second segment";
    const Json again = event("tts_cancelled");
    EXPECT_EQ(again["heard_text"], told["heard_text"]);
    EXPECT_EQ(again["from_segment"], told["from_segment"]);
    EXPECT_EQ(event("response_complete")["status"], "cancelled");
    EXPECT_TRUE(remembers(told["heard_text"].get<std::string>() + " […]"));
}

TEST_F(WorkerVoiceTakeover, AnInterruptThatOnlyTheNextOwnerHearsOfCutsTheHistory) {
    start();
    speak_two_segments("hang");
    take_over();
    event("attempt");
    Json interrupted = interrupt();
    interrupted["segment"] = 1;
    interrupted["played_ms"] = 0;
    client().mail(interrupted.dump());
    const Json told = event("tts_cancelled");
    EXPECT_EQ(told["heard_text"], "First.");
    EXPECT_EQ(told["from_segment"], 1);
    EXPECT_EQ(event("response_complete")["status"], "cancelled");
    EXPECT_TRUE(remembers("First.  […]"));
}

TEST_F(WorkerVoiceTakeover, SoDoesOneOfAnAnswerThatWasWrittenBeforeItsOwnerDied) {
    start();
    client().sound("say say:First. say:Second-one. " + kEndless);
    turn_id_ = event("response_complete")["turn_id"];
    EXPECT_TRUE(remembers("First. Second-one. " + kEndless.substr(4) + " "));
    take_over();
    Json interrupted = interrupt();
    interrupted["played_ms"] = 60; // of all of it
    client().mail(interrupted.dump());
    EXPECT_EQ(event("tts_cancelled")["heard_text"], "First.");
    EXPECT_TRUE(remembers("First.  […]"));
    EXPECT_TRUE(client().wait_finished());
}

TEST_F(WorkerVoiceTakeover, TheLogIsNotReadForEveryOfManyInterrupts) {
    constexpr int kMany = 6;
    start();
    client().sound("say say:First. say:Second-one. " + kEndless);
    turn_id_ = event("response_complete")["turn_id"];
    take_over();
    Json interrupted = interrupt();
    interrupted["played_ms"] = 60;
    for (int i = 0; i < kMany; ++i) {
        client().mail(interrupted.dump());
    }
    EXPECT_EQ(event("tts_cancelled")["heard_text"], "First.");
    EXPECT_TRUE(client().wait_finished());
    EXPECT_TRUE(remembers("First.  […]"));
    client().expect_no_sound_is_kept(); // nor any of that mail
    client().question("say:behind");
    event("response_complete");
    int told = 0;
    for (const Event& event : client().seen()) {
        told += event.bytes.starts_with("{\"type\":\"tts_cancelled\"") ? 1 : 0;
    }
    EXPECT_LT(told, kMany) << "one answer for those that wait together";
}

TEST_F(WorkerVoiceTakeover, SegmentsAreNumberedOn) {
    start(voice_chat<impatient>);
    client().sound("say phase:a sleep:400 die-once sleep:1500 say:Answer.");
    const Json progress = event("tts_start");
    EXPECT_EQ(progress["segment"], 0);
    EXPECT_EQ(progress["kind"], "progress");
    next_ = make();
    event("attempt");
    client().mail(R"({"type":"voice_resume","stream_id":"s1","tts":true,"from_ms":40})");
    const Json open = event("tts_end");
    EXPECT_EQ(open["segment"], 0) << "its owner has not come to say so";
    EXPECT_EQ(open["last"], false);
    const Json answer = event("tts_start");
    EXPECT_EQ(answer["text"], "Answer.");
    EXPECT_EQ(answer["segment"], 1);
    EXPECT_EQ(event("tts_end")["segment"], 1);
}

} // namespace
} // namespace mr::test

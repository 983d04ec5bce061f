// Deepgram's recognition without its connection: the URL, the messages, and the making of
// utterances.
#include "worker/voice/deepgram/assembly.h"
#include "worker/voice/deepgram/options.h"
#include "worker/voice/deepgram/verdict.h"

#include <gtest/gtest.h>

namespace mr::voice::deepgram {
namespace {

using Time = Assembly::Time;

TEST(DeepgramUrl, HasAllParametersEscaped) {
    Options options;
    options.vocabulary = {"Bayside Tower", "", "a&b=c"};
    options.tag = "mr ws";
    EXPECT_EQ(listen_url(options, {}, true),
              "wss://api.deepgram.com/v1/listen?model=nova-3&language=en&encoding=linear16"
              "&sample_rate=16000&channels=1&interim_results=true&endpointing=300"
              "&utterance_end_ms=1000&vad_events=true&smart_format=true&punctuate=true"
              "&tag=mr%20ws&keyterm=Bayside%20Tower&keyterm=a%26b%3Dc");
    EXPECT_EQ(listen_url(options, {}, false).find("keyterm"), std::string::npos);
}

TEST(DeepgramUrl, FollowsTheOptions) {
    Options options;
    options.base_url = "http://127.0.0.1:8080/deepgram/v1";
    options.model = "nova-2";
    options.endpointing = std::chrono::milliseconds(0);
    options.numerals = true;
    options.vocabulary = {"one:two", std::string(kMaxTermBytes + 1, 'x')};
    RecognitionOptions stream;
    stream.language = "de";
    const std::string url = listen_url(options, stream, true);
    EXPECT_TRUE(url.starts_with("ws://127.0.0.1:8080/deepgram/v1/listen?model=nova-2&language=de"));
    EXPECT_NE(url.find("&endpointing=false&"), std::string::npos);
    EXPECT_NE(url.find("&numerals=true"), std::string::npos);
    EXPECT_TRUE(url.ends_with("&keywords=one%20two%3A2")) << url;
    options.vocabulary.assign(kMaxVocabulary + 5, "w");
    const std::string many = listen_url(options, stream, true);
    size_t count = 0;
    for (size_t at = many.find("keywords="); at != std::string::npos;
         at = many.find("keywords=", at + 1)) {
        ++count;
    }
    EXPECT_EQ(count, kMaxVocabulary);
}

TEST(DeepgramMessages, AreRead) {
    const auto message = parse_message(
        R"({"type":"Results","start":1.5,"duration":2,"is_final":true,"speech_final":true,
            "channel":{"alternatives":[{"transcript":" hello you ","confidence":0.5,"words":[
            {"word":"hello","start":1.6,"end":1.9},{"word":"you","start":2,"end":2.5}]}]},
            "metadata":{"request_id":"a1-b2"},"surprise":{"x":[1]}})");
    ASSERT_TRUE(message);
    EXPECT_EQ(message->request_id, "a1-b2");
    const auto& results = std::get<Results>(message->what);
    EXPECT_EQ(results.transcript, "hello you");
    EXPECT_TRUE(results.is_final && results.speech_final && !results.from_finalize);
    EXPECT_EQ(results.start, 1.5);
    EXPECT_EQ(results.first_word, 1.6);
    EXPECT_EQ(results.last_word, 2.5);
    EXPECT_EQ(results.confidence, 0.5);
}

TEST(DeepgramMessages, WhatIsOddIsHarmless) {
    EXPECT_FALSE(parse_message(""));
    EXPECT_FALSE(parse_message("no"));
    EXPECT_FALSE(parse_message("[1]"));
    const auto is = [](std::string_view text, size_t index) {
        const auto message = parse_message(text);
        return message && message->what.index() == index;
    };
    EXPECT_TRUE(is(R"({})", 0));
    EXPECT_TRUE(is(R"({"type":7})", 0));
    EXPECT_TRUE(is(R"({"type":"ConfigureSuccess"})", 0));
    EXPECT_TRUE(is(R"({"type":"Error","description":"x"})", 4));
    const auto odd = parse_message(
        R"({"type":"Results","start":-4,"duration":1e300,"is_final":"yes","channel":{"alternatives":
            [{"transcript":5,"confidence":9,"words":[3]}]},"request_id":"<script>"})");
    ASSERT_TRUE(odd);
    const auto& results = std::get<Results>(odd->what);
    EXPECT_EQ(results.start + results.duration, 0);
    EXPECT_FALSE(results.is_final || results.confidence || results.first_word);
    EXPECT_EQ(odd->request_id, "");
    const auto end = parse_message(R"({"type":"UtteranceEnd","last_word_end":-1})");
    EXPECT_FALSE(std::get<UtteranceEnded>(end->what).last_word);
}

TEST(DeepgramVerdict, SaysWhatToDo) {
    struct Row {
        int status;
        bool again;
        const char* cure;
    };
    for (const Row& row : {Row{400, false, "deepgram_model"}, Row{401, false, "DEEPGRAM_API_KEY"},
                           Row{402, false, "balance"}, Row{403, false, "right"},
                           Row{404, false, "deepgram_base_url"}, Row{429, true, "max_streams"},
                           Row{500, true, "tried again"}, Row{503, true, "tried again"}}) {
        const Verdict verdict = judge(net::WsError(net::WsFault::refused, "x", row.status));
        EXPECT_EQ(verdict.again, row.again) << row.status;
        EXPECT_NE(verdict.cure.find(row.cure), std::string::npos) << verdict.cure;
        EXPECT_EQ(verdict.safe.find("deepgram"), std::string::npos);
    }
    EXPECT_TRUE(judge(net::WsError(net::WsFault::lost, "x")).again);
    EXPECT_FALSE(judge(net::WsError(net::WsFault::tls, "x")).again);
    EXPECT_TRUE(judge_close(1011).again);
    EXPECT_TRUE(judge_close(1006).again);
    EXPECT_FALSE(judge_close(1008).again);
    EXPECT_EQ(reason_code("NET-0001"), "NET-0001");
    EXPECT_EQ(reason_code("NET-0001 and more"), "NET-0001");
    EXPECT_EQ(reason_code("some words"), "");
}

// ---- utterances: each line of a script is a message, each expectation what comes of it

Message results(std::string text, double from, double to, const std::string& flags) {
    Results made;
    made.transcript = std::move(text);
    made.start = from;
    made.duration = to - from;
    made.is_final = flags.find('f') != std::string::npos;
    made.speech_final = flags.find('s') != std::string::npos;
    made.from_finalize = flags.find('z') != std::string::npos;
    if (!made.transcript.empty()) {
        made.first_word = from;
        made.last_word = to;
        made.confidence = 0.9;
    }
    return {made, ""};
}
Message vad(double at) {
    return {VadStarted{at}, ""};
}
Message utterance_end(std::optional<double> at) {
    return {UtteranceEnded{at}, ""};
}

std::string shown(const RecognitionEvent& event) {
    const auto ms = [](uint64_t place) { return std::to_string(to_ms(place)); };
    if (const auto* started = std::get_if<SpeechStarted>(&event)) {
        return "start " + ms(started->at);
    }
    if (const auto* stopped = std::get_if<SpeechStopped>(&event)) {
        return "stop " + ms(stopped->at);
    }
    if (std::holds_alternative<SpeechDropped>(event)) {
        return "drop";
    }
    const auto& transcript = std::get<Transcript>(event);
    return (transcript.final ? "final " : "interim ") + transcript.text;
}

struct Table {
    const char* name;
    std::vector<Message> messages;
    std::vector<std::string> events;
};

std::vector<std::string> drained(Assembly& assembly) {
    std::vector<std::string> out;
    while (const auto event = assembly.next()) {
        out.push_back(shown(*event));
    }
    return out;
}

std::vector<Table> hands_free() {
    return {
        {"one piece",
         {vad(1), results("how", 1, 1.5, ""), results("how many", 1, 2, "fs"), utterance_end(2)},
         {"start 1000", "interim how", "stop 2000", "final how many"}},
        {"pieces until speech_final",
         {results("how many", 1, 2, "f"), results("open", 2, 2.5, ""),
          results("open invoices", 2, 3, "f"), results("", 3, 3.5, "fs")},
         {"start 1000", "interim how many open invoices", "stop 3000",
          "final how many open invoices"}},
        {"UtteranceEnd without speech_final",
         {results("hello", 1, 2, "f"), utterance_end(2)},
         {"start 1000", "interim hello", "stop 2000", "final hello"}},
        {"UtteranceEnd that does not know",
         {results("hello", 1, 2, "f"), utterance_end(std::nullopt)},
         {"start 1000", "interim hello", "stop 2000", "final hello"}},
        {"late UtteranceEnd of the utterance before",
         {results("hello", 1, 2, "fs"), vad(2.5), results("you", 2.6, 3, "f"), utterance_end(2),
          results("", 3, 3.5, "fs")},
         {"start 1000", "stop 2000", "final hello", "start 2500", "interim you", "stop 3000",
          "final you"}},
        {"both lost: silence ends it",
         {results("hello", 1, 2, "f"), results("", 2, 3.9, "f"), results("", 3.9, 4.1, "")},
         {"start 1000", "interim hello", "stop 2000", "final hello"}},
        {"a cough",
         {vad(1), results("", 0, 2, ""), results("", 0, 2.5, "fs")},
         {"start 1000", "stop 2500", "drop"}},
        {"a door, and nothing is said of it",
         {vad(1), results("", 0, 2, "f"), results("", 2, 3.1, "f")},
         {"start 1000", "stop 3100", "drop"}},
        {"silence", {results("", 0, 3, "f"), results("", 3, 6, "fs"), utterance_end(1)}, {}},
        {"SpeechStarted again and again",
         {vad(1), results("one", 1, 1.5, ""), vad(1.7), results("one two", 1, 2, "fs")},
         {"start 1000", "interim one", "stop 2000", "final one two"}},
    };
}

TEST(DeepgramAssembly, MakesUtterances) {
    for (const Table& table : hands_free()) {
        Assembly assembly(TalkMode::hands_free, to_samples(2'000));
        const ConnectionClock clock;
        std::vector<std::string> events;
        for (const Message& message : table.messages) {
            assembly.take(message, clock, Time());
        }
        EXPECT_EQ(drained(assembly), table.events) << table.name;
        EXPECT_FALSE(assembly.in_utterance()) << table.name;
    }
}

TEST(DeepgramAssembly, ATailThatIsNotFinalIsAskedFor) {
    Assembly assembly(TalkMode::hands_free, to_samples(2'000));
    const ConnectionClock clock;
    assembly.take(results("one", 1, 2, "f"), clock, Time());
    assembly.take(results("two", 2, 3, ""), clock, Time());
    EXPECT_FALSE(assembly.take_finalize_wish());
    assembly.take(utterance_end(3), clock, Time());
    EXPECT_TRUE(assembly.take_finalize_wish());
    EXPECT_FALSE(assembly.take_finalize_wish());
    EXPECT_TRUE(assembly.in_utterance());
    assembly.take(results("two!", 2, 3, "fz"), clock, Time());
    EXPECT_EQ(drained(assembly), (std::vector<std::string>{"start 1000", "interim one two",
                                                           "stop 3000", "final one two!"}));
}

// An utterance that silence has ended: its words become final afterwards.
TEST(DeepgramAssembly, WordsComeOnce) {
    Assembly assembly(TalkMode::hands_free, to_samples(2'000));
    const ConnectionClock clock;
    assembly.take(results("one", 1, 2, ""), clock, Time());
    assembly.take(utterance_end(2), clock, Time());
    assembly.take(results("one", 1, 2, ""), clock, Time());
    assembly.disconnected();
    EXPECT_EQ(drained(assembly), (std::vector<std::string>{"start 1000", "interim one"}));
    assembly.take(results("one", 1, 2, "fs"), clock, Time());
    assembly.take(results("one", 1, 2, "f"), clock, Time());
    EXPECT_EQ(drained(assembly), (std::vector<std::string>{"stop 2000", "final one"}));
}

TEST(DeepgramAssembly, PushToTalkEndsWithTheKey) {
    Assembly assembly(TalkMode::push_to_talk, to_samples(2'000));
    const ConnectionClock clock;
    assembly.take(results("one", 1, 2, "fs"), clock, Time());
    assembly.take(utterance_end(2), clock, Time());
    assembly.take(results("", 2, 6, "fs"), clock, Time());
    assembly.take(results("two", 6, 7, ""), clock, Time());
    EXPECT_EQ(drained(assembly), (std::vector<std::string>{"start 1000", "interim one two"}));
    assembly.release(to_samples(8'000), Time());
    EXPECT_EQ(drained(assembly), (std::vector<std::string>{"stop 8000"}));
    assembly.take(results("two", 6, 7.5, ""), clock, Time());
    EXPECT_EQ(drained(assembly), std::vector<std::string>());
    assembly.take(results("two", 6, 7.5, "fz"), clock, Time() + std::chrono::milliseconds(250));
    const auto event = assembly.next();
    ASSERT_TRUE(event);
    const auto& final = std::get<Transcript>(*event);
    EXPECT_EQ(final.text, "one two");
    EXPECT_TRUE(final.final);
    EXPECT_EQ(final.after_speech_ms, 250);
    EXPECT_NEAR(final.confidence.value_or(0), 0.9, 1e-9);
    EXPECT_EQ(to_ms(final.start), 1'000);
    EXPECT_EQ(assembly.releases(), 0U);
}

TEST(DeepgramAssembly, AReleaseWithoutSpeechIsOneDrop) {
    Assembly assembly(TalkMode::push_to_talk, to_samples(2'000));
    const ConnectionClock clock;
    assembly.release(16'000, Time());
    EXPECT_EQ(drained(assembly), std::vector<std::string>());
    assembly.settle(Time());
    EXPECT_EQ(drained(assembly), (std::vector<std::string>{"drop"}));
    assembly.settle(Time());
    EXPECT_EQ(drained(assembly), std::vector<std::string>());
}

TEST(DeepgramAssembly, WordsAfterTheRelease) {
    Assembly assembly(TalkMode::push_to_talk, to_samples(2'000));
    const ConnectionClock clock;
    assembly.release(32'000, Time());
    assembly.take(vad(3), clock, Time()); // of the next one
    assembly.take(results("late", 1, 2, "f"), clock, Time());
    EXPECT_EQ(drained(assembly),
              (std::vector<std::string>{"start 1000", "stop 2000", "final late", "start 3000"}));
}

TEST(DeepgramAssembly, IsBounded) {
    Assembly assembly(TalkMode::push_to_talk, to_samples(2'000));
    const ConnectionClock clock;
    const std::string text(3'000, 'x');
    for (int i = 0; i < 50; ++i) {
        assembly.take(results(text, i, i + 1, "f"), clock, Time());
    }
    EXPECT_LE(assembly.waiting(), 2U);
    assembly.release(0, Time());
    assembly.settle(Time());
    std::string last;
    while (const auto event = assembly.next()) {
        last = shown(*event);
    }
    EXPECT_LE(last.size(), kMaxUtteranceBytes + 10);
    EXPECT_GT(last.size(), kMaxUtteranceBytes / 2);
}

} // namespace
} // namespace mr::voice::deepgram

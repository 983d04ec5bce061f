// The app `tts` against a real Redis: its pieces, the pace of its client, what ends it. The
// synthesiser is one of this test's own: a tone, as long as the clause.
#include "shared/audio_piece.h"
#include "shared/one_answer.h"
#include "tests/unit/worker_loop.h"
#include "worker/apps/tts.h"
#include "worker/apps/tts_request.h"
#include "worker/voice/mp3.h"

#include <gmock/gmock.h>

#include <cmath>
#include <deque>
#include <numbers>

namespace mr::test {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using testing::ElementsAre;

voice::Pcm tone(size_t samples) {
    voice::Pcm pcm(samples);
    for (size_t i = 0; i < samples; ++i) {
        const double angle = 2 * std::numbers::pi * 440 * static_cast<double>(i) / 16000;
        pcm[i] = static_cast<voice::Sample>(8000 * std::sin(angle));
    }
    return pcm;
}

// What the synthesiser of these tests does, and what was done with it.
struct Voices {
    size_t samples_per_byte = 800; // of a clause: 50 ms
    std::string breaks_at;         // a clause that cannot be spoken
    bool silent = false;           // nothing ever comes
    bool full = false;
    std::vector<std::string> spoken;
    std::string voice;
    int open = 0;
};

class ToneStream final : public voice::SpeechStream {
  public:
    ToneStream(Voices& voices, const asio::any_io_executor& executor)
        : voices_(voices), never_(executor) {
        ++voices_.open;
    }
    ~ToneStream() override { --voices_.open; }

    uint32_t say(std::string clause) override {
        clauses_.push_back(std::move(clause));
        return static_cast<uint32_t>(said_++);
    }
    void end() override {}
    asio::awaitable<std::optional<voice::SpokenAudio>> next() override {
        if (voices_.silent) {
            co_await never_.wait();
        }
        co_await asio::post(asio::use_awaitable); // as one that works elsewhere
        if (clauses_.empty()) {
            co_return std::nullopt;
        }
        if (clauses_.front() == voices_.breaks_at) {
            throw voice::VoiceError(voice::VoiceFault::lost, "the voice has gone");
        }
        voices_.spoken.push_back(clauses_.front());
        voice::SpokenAudio audio;
        audio.samples = tone(clauses_.front().size() * voices_.samples_per_byte);
        audio.last = true;
        clauses_.pop_front();
        co_return audio;
    }

  private:
    Voices& voices_;
    Signal never_;
    std::deque<std::string> clauses_;
    size_t said_ = 0;
};

class ToneSynthesiser final : public voice::Synthesiser {
  public:
    ToneSynthesiser(Voices& voices, asio::any_io_executor executor)
        : voices_(voices), executor_(std::move(executor)) {}

    std::string_view engine() const override { return "tone"; }
    unsigned sample_rate() const override { return 16000; }
    asio::awaitable<std::unique_ptr<voice::SpeechStream>>
    open(voice::SpeechOptions options) override {
        if (voices_.full) {
            throw voice::VoiceError(voice::VoiceFault::unavailable, "all voices are busy");
        }
        voices_.voice = options.voice;
        co_return std::make_unique<ToneStream>(voices_, executor_);
    }

  private:
    Voices& voices_;
    asio::any_io_executor executor_;
};

// The gateway's part: hears the pieces of one request, and gives credit.
class Asker {
  public:
    Asker(const RedisFixture& redis, TestSession& session)
        : session_(session), channel_(redis, session.keys()) {}

    // All that has come so far.
    void hear() {
        channel_.read([this](std::string_view bytes) { take(bytes); });
    }
    bool answered() {
        hear();
        return status != 0;
    }
    void credit(uint64_t bytes) {
        Buffer payload;
        encode_audio_length(payload, bytes);
        session_.mail(payload.text(), MailKind::credit);
    }

    std::string audio;
    uint16_t status = 0;
    std::string body;

  private:
    void take(std::string_view bytes) {
        auto reader = BatchReader::open(as_bytes(bytes));
        ASSERT_TRUE(reader);
        while (const auto event = reader->next()) {
            if ((event->flags & kEventLiveOnly) != 0) {
                const auto piece = decode_audio_piece(event->bytes);
                ASSERT_TRUE(piece);
                EXPECT_EQ(piece->connection, 7U); // TestSession's
                EXPECT_EQ(piece->offset, audio.size());
                EXPECT_LE(piece->bytes.size(), kMaxAudioPieceBytes);
                audio += as_text(piece->bytes);
            } else if (const auto answer = decode_one_answer(event->bytes)) {
                EXPECT_EQ(status, 0) << "one answer";
                EXPECT_NE(event->flags & kEventTerminal, 0);
                status = answer->status;
                body = as_text(answer->body);
            }
        }
    }

    TestSession& session_;
    ChannelReader channel_;
};

class WorkerTts : public testing::Test {
  protected:
    WorkerTts() { log::set_level(log::Level::error); }
    ~WorkerTts() override { log::set_level(log::Level::info); }

    // The owner of the session; its doorbell has rung.
    void own() {
        const Doorbell bell = session_.doorbell(worker_.lease.worker());
        actor_ = Actor::make(worker_.relay, bell, factory_);
        ended_ = false;
        asio::co_spawn(loop_.context, actor_->run(), [this](std::exception_ptr) { ended_ = true; });
    }
    void ask(std::string_view body) {
        EXPECT_EQ(session_.mail(body, MailKind::http), MailStatus::rung);
        own();
    }
    int64_t lane_length() {
        return session_.redis().call({"XLEN", session_.keys().in_lane}).integer;
    }
    void run(std::function<asio::awaitable<void>()> test) {
        loop_.run([](WorkerTts& self,
                     std::function<asio::awaitable<void>()> work) -> asio::awaitable<void> {
            co_await self.worker_.begin(self.loop_);
            co_await work();
            if (self.actor_) {
                co_await until([&] { return self.ended_; });
            }
            EXPECT_EQ(self.voices_.open, 0);
        }(*this, std::move(test)));
    }

    RedisFixture redis_;
    Loop loop_;
    Incarnation worker_{loop_, redis_, milliseconds(30000)};
    TestSession session_{redis_, "tts"};
    Asker asker_{redis_, session_};
    Voices voices_;
    ToneSynthesiser synthesiser_{voices_, loop_.executor()};
    TtsOptions options_{20'000, milliseconds(30'000)};
    AppFactory factory_ = tts_app(&synthesiser_, options_);
    std::shared_ptr<Actor> actor_;
    bool ended_ = false;
};

// The frames of an MPEG-2 layer III stream: all of one bit rate, 16 kHz, mono.
size_t mp3_frames(std::string_view bytes) {
    constexpr size_t kFrame = 144 / 2 * voice::kMp3KbitPerSecond * 1000 / 16000;
    size_t frames = 0;
    for (size_t at = 0; at + 4 <= bytes.size(); at += kFrame, ++frames) {
        const auto* header = reinterpret_cast<const uint8_t*>(bytes.data() + at);
        if (header[0] != 0xFF || (header[1] & 0xFE) != 0xF2 || header[3] >> 6 != 3) {
            ADD_FAILURE() << "no frame at " << at;
            return frames;
        }
    }
    return frames;
}

TEST_F(WorkerTts, SpeaksClauseByClause) {
    run([this]() -> asio::awaitable<void> {
        ask(R"({"text":"The invoice is open, and it is due. Pay it!","voice_id":"slt"})");
        co_await until([&] { return asker_.answered(); });
        EXPECT_EQ(asker_.status, 200);
        EXPECT_EQ(decode_audio_length(as_bytes(asker_.body)), asker_.audio.size());
        EXPECT_THAT(voices_.spoken,
                    ElementsAre("The invoice is open", "and it is due.", "Pay it!"));
        EXPECT_EQ(voices_.voice, "slt");
        const double seconds = static_cast<double>(mp3_frames(asker_.audio)) * 576 / 16000;
        EXPECT_NEAR(seconds, 0.05 * (19 + 14 + 7), 0.3);
        co_await until([&] { return ended_; });
        EXPECT_EQ(lane_length(), 0);
    });
}

TEST_F(WorkerTts, KeepsToThePaceOfItsClient) {
    voices_.samples_per_byte = 8000; // half a second
    std::string text;
    for (int i = 0; i < 20; ++i) {
        text += "This is a sentence with some forty bytes. "; // 20 s
    }
    run([this, text]() -> asio::awaitable<void> {
        ask(R"({"text":")" + text + R"("})");
        co_await until([&] {
            asker_.hear();
            return asker_.audio.size() == kAudioWindowBytes;
        });
        const size_t spoken = voices_.spoken.size();
        EXPECT_LT(spoken, 20U);
        for (int i = 0; i < 1000; ++i) { // turns of the loop in which a wrong piece would be made
            co_await asio::post(asio::use_awaitable);
        }
        asker_.hear();
        EXPECT_EQ(asker_.audio.size(), kAudioWindowBytes);
        asker_.credit(10'000);
        co_await until([&] {
            asker_.hear();
            return asker_.audio.size() == kAudioWindowBytes + 10'000;
        });
        asker_.credit(uint64_t{1} << 40); // a gateway that lies gains nothing by it
        while (asker_.status == 0) {
            const size_t before = asker_.audio.size();
            asker_.credit(before);
            co_await until([&] { return asker_.answered() || asker_.audio.size() > before; });
            EXPECT_LE(asker_.audio.size(), before + 2 * kAudioWindowBytes);
        }
        EXPECT_EQ(asker_.status, 200);
        EXPECT_EQ(voices_.spoken.size(), 20U);
        mp3_frames(asker_.audio);
    });
}

TEST_F(WorkerTts, StopsWhenItsClientHasGone) {
    voices_.silent = true;
    run([this]() -> asio::awaitable<void> {
        ask(R"({"text":"Nobody waits for this."})");
        co_await until([&] { return voices_.open == 1; });
        session_.mail("", MailKind::abandon);
        co_await until([&] { return ended_; });
        EXPECT_EQ(lane_length(), 0);
        asker_.hear();
        EXPECT_EQ(asker_.status, 0);
    });
}

TEST_F(WorkerTts, AnotherOwnerBeginsAnew) {
    voices_.silent = true;
    run([this]() -> asio::awaitable<void> {
        ask(R"({"text":"All of it."})");
        co_await until([&] { return voices_.open == 1; });
        actor_->request_stop(Actor::Stop::handover);
        co_await until([&] { return ended_; });
        EXPECT_EQ(lane_length(), 1);
        EXPECT_EQ(voices_.open, 0);
        voices_.silent = false;
        own();
        co_await until([&] { return asker_.answered(); });
        EXPECT_EQ(asker_.status, 200);
        EXPECT_THAT(voices_.spoken, ElementsAre("All of it."));
    });
}

TEST_F(WorkerTts, WithoutAPlaceItSaysSo) {
    voices_.full = true;
    run([this]() -> asio::awaitable<void> {
        ask(R"({"text":"Anything."})");
        co_await until([&] { return asker_.answered(); });
        EXPECT_EQ(asker_.status, 503);
        EXPECT_NE(asker_.body.find("voice_unavailable"), std::string::npos) << asker_.body;
        EXPECT_NE(asker_.body.find("all voices are busy"), std::string::npos) << asker_.body;
    });
}

TEST_F(WorkerTts, AVoiceThatBreaksOffIsNoEnd) {
    voices_.breaks_at = "Second.";
    run([this]() -> asio::awaitable<void> {
        ask(R"({"text":"The first one is long enough. Second. Third."})");
        co_await until([&] { return asker_.answered(); });
        EXPECT_EQ(asker_.status, 503);
        EXPECT_FALSE(asker_.audio.empty());
    });
}

TEST_F(WorkerTts, PatienceEnds) {
    voices_.silent = true;
    factory_ = tts_app(&synthesiser_, {20'000, milliseconds(50)});
    run([this]() -> asio::awaitable<void> {
        ask(R"({"text":"Anything."})");
        co_await until([&] { return asker_.answered(); });
        EXPECT_EQ(asker_.status, 503);
    });
}

TEST_F(WorkerTts, RefusesWhatIsNoText) {
    factory_ = tts_app(nullptr);
    run([this]() -> asio::awaitable<void> {
        ask("{}");
        co_await until([&] { return asker_.answered(); });
        EXPECT_EQ(asker_.status, 400);
    });
}

TEST(WorkerTtsRequest, Bounds) {
    const auto code = [](std::string_view body) {
        const auto parsed = parse_tts_request(body, 40);
        const auto* error = std::get_if<ErrorCode>(&parsed);
        return error != nullptr ? error_text(*error).name : std::string_view("good");
    };
    EXPECT_EQ(code(R"({"text":"Hello"})"), "good");
    EXPECT_EQ(code(R"({"text":"Hello","voice_id":null,"more":1})"), "good");
    EXPECT_EQ(code(R"({"text":"Hello)"), "bad_json");
    EXPECT_EQ(code(R"(["Hello"])"), "bad_request");
    EXPECT_EQ(code(R"({"text":5})"), "bad_request");
    EXPECT_EQ(code(R"({"text":"Hello","voice_id":5})"), "bad_request");
    EXPECT_EQ(code(R"({"text":"Hello","voice_id":")" + std::string(101, 'v') + R"("})"),
              "bad_request");
    EXPECT_EQ(code(R"({"text":" \n\t "})"), "empty_message");
    EXPECT_EQ(code(R"({"text":")" + std::string(41, 'x') + R"("})"), "too_large");
}

TEST(WorkerMp3, FirstBytesComeSoon) {
    voice::Mp3Encoder encoder(16000);
    std::string bytes;
    encoder.encode(tone(3200), bytes); // 200 ms
    EXPECT_FALSE(bytes.empty());
    encoder.encode(tone(160'000), bytes);
    encoder.finish(bytes);
    EXPECT_NEAR(static_cast<double>(bytes.size()), 10.2 * 6000, 1000);
    mp3_frames(bytes);
    EXPECT_THROW(voice::Mp3Encoder(12'345), voice::VoiceError);
}

} // namespace
} // namespace mr::test

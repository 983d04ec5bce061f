// Where speech begins and ends: scripts of probabilities in, endpoints out.
#include "worker/voice/endpointing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace mr::voice {
namespace {

constexpr uint64_t kFrame = 512; // 32 ms

double probability_of(char c) {
    return c == 'S' ? 0.9 : c == 'm' ? 0.4 : 0.05;
}

std::string name_of(EndpointKind kind) {
    switch (kind) {
    case EndpointKind::started:
        return "started";
    case EndpointKind::pause:
        return "pause";
    case EndpointKind::resumed:
        return "resumed";
    case EndpointKind::stopped:
        return "stopped";
    case EndpointKind::no_speech:
        return "none";
    }
    return "?";
}

std::string frames(int count, char c) {
    return std::string(static_cast<size_t>(count), c);
}

// "kind at[begin,end)" in frames, one after the other. 'R' is the release of the key.
std::string run(const std::string& script, const EndpointingOptions& options = {}) {
    Endpointing endpointing(options);
    std::string said;
    for (const char c : script) {
        std::vector<Endpoint> out;
        if (c == 'R') {
            endpointing.release(out);
        } else {
            endpointing.frame(probability_of(c), kFrame, out);
        }
        for (const Endpoint& point : out) {
            said += (said.empty() ? "" : " ") + name_of(point.kind) + " " +
                    std::to_string(point.at / kFrame) + "[" +
                    std::to_string((point.begin + kFrame - 1) / kFrame) + "," +
                    std::to_string(point.end / kFrame) + ")";
        }
    }
    return said;
}

EndpointingOptions push_to_talk() {
    EndpointingOptions options;
    options.mode = TalkMode::push_to_talk;
    return options;
}

struct Row {
    const char* name;
    std::string script;
    std::string expected;
    EndpointingOptions options;
};

// 96 ms are 3 frames, 190 ms 6, 500 ms 16 and the pre-roll of 300 ms 9.4.
const Row kRows[] = {
    {"silence", frames(40, '.'), "", {}},
    {"a click", ".S" + frames(30, '.'), "", {}},
    {"two clicks far apart", ".SS" + frames(10, '.') + "SS" + frames(10, '.'), "", {}},
    {"a dip before a plosive", "..S.SS", "started 2[0,6)", {}},
    {"murmur never starts", frames(30, 'm'), "", {}},
    {"an utterance",
     frames(20, '.') + "SSSSS" + frames(16, '.'),
     "started 20[11,23) pause 25[11,31) stopped 25[11,41)",
     {}},
    {"the window begins with the stream",
     ".SSS" + frames(16, '.'),
     "started 1[0,4) pause 4[0,10) stopped 4[0,20)",
     {}},
    {"a pause within a sentence",
     "SSSS" + frames(7, '.') + "SS" + frames(16, '.'),
     "started 0[0,3) pause 4[0,10) resumed 12[0,12) pause 13[0,19) stopped 13[0,29)",
     {}},
    {"murmur does not end silence",
     "SSSS" + frames(7, '.') + frames(9, 'm'),
     "started 0[0,3) pause 4[0,10) stopped 4[0,20)",
     {}},
    {"murmur goes on with speech", "SSSS" + frames(30, 'm'), "started 0[0,3)", {}},
    {"the next window begins behind the last",
     "SSS" + frames(16, '.') + "SSS",
     "started 0[0,3) pause 3[0,9) stopped 3[0,19) started 19[19,22)",
     {}},
    {"release in mid-speech", frames(12, '.') + "SSSSR", "started 12[3,15) stopped 16[3,16)",
     push_to_talk()},
    {"release without speech", "....R", "none 4[4,4)", push_to_talk()},
    {"release after a short word", "..SSR", "started 2[0,4) stopped 4[0,4)", push_to_talk()},
    {"the key held in silence", "SSS" + frames(40, '.') + "R",
     "started 0[0,3) pause 3[0,9) stopped 3[0,43)", push_to_talk()},
    {"release twice", "SSSRR", "started 0[0,3) stopped 3[0,3) none 3[3,3)", push_to_talk()},
    {"release hands-free", "SSSSR", "started 0[0,3) stopped 4[0,4)", {}},
};

TEST(VoiceEndpointing, FindsBeginningAndEnd) {
    for (const Row& row : kRows) {
        EXPECT_EQ(run(row.script, row.options), row.expected) << row.name;
    }
}

TEST(VoiceEndpointing, EndsAnUtteranceThatIsTooLong) {
    EndpointingOptions options;
    options.max_utterance_ms = 320; // 10 frames
    EXPECT_EQ(run(frames(14, 'S'), options), "started 0[0,3) stopped 10[0,10) started 10[10,13)");
    options.mode = TalkMode::push_to_talk;
    EXPECT_EQ(run(frames(12, 'S') + "R", options),
              "started 0[0,3) stopped 10[0,10) started 10[10,12) stopped 12[10,12)");
}

TEST(VoiceEndpointing, HangOverIsASetting) {
    EndpointingOptions options;
    options.hang_over_ms = 250; // 8 frames
    EXPECT_EQ(run("SSS" + frames(8, '.'), options), "started 0[0,3) pause 3[0,9) stopped 3[0,11)");
}

// What has to hold whatever the detector says.
class Judge {
  public:
    void see(const Endpoint& point, uint64_t now) {
        EXPECT_LE(point.begin, point.at);
        EXPECT_LE(point.at, point.end);
        EXPECT_EQ(point.end, now);
        EXPECT_GE(point.begin, needed_) << "sound that was given up";
        switch (point.kind) {
        case EndpointKind::started:
            EXPECT_FALSE(speaking_);
            EXPECT_GE(point.begin, free_from_) << "windows overlap";
            speaking_ = true;
            begin_ = point.begin;
            return;
        case EndpointKind::pause:
            EXPECT_FALSE(paused_);
            paused_ = true;
            break;
        case EndpointKind::resumed:
            EXPECT_TRUE(paused_);
            paused_ = false;
            break;
        case EndpointKind::stopped:
            paused_ = false;
            free_from_ = point.end;
            EXPECT_TRUE(speaking_);
            EXPECT_EQ(point.begin, begin_);
            speaking_ = false;
            return;
        case EndpointKind::no_speech:
            EXPECT_FALSE(speaking_);
            return;
        }
        EXPECT_TRUE(speaking_);
        EXPECT_EQ(point.begin, begin_);
    }
    void needed(uint64_t from) {
        EXPECT_GE(from, needed_);
        needed_ = from;
    }
    bool speaking() const { return speaking_; }

  private:
    bool speaking_ = false;
    bool paused_ = false;
    uint64_t begin_ = 0;
    uint64_t free_from_ = 0;
    uint64_t needed_ = 0;
};

TEST(VoiceEndpointing, KeepsItsOrderWhateverIsHeard) {
    std::mt19937 random(20261129);
    for (int round = 0; round < 300; ++round) {
        EndpointingOptions options;
        options.mode = round % 2 == 0 ? TalkMode::hands_free : TalkMode::push_to_talk;
        options.max_utterance_ms = 2'000;
        Endpointing endpointing(options);
        Judge judge;
        uint64_t now = 0;
        double level = 0;
        for (int i = 0; i < 400; ++i) {
            std::vector<Endpoint> out;
            if (random() % 8 == 0) {
                level = static_cast<double>(random() % 100) / 100;
            }
            if (random() % 60 == 0) {
                endpointing.release(out);
                ASSERT_GE(out.size(), 1U) << "a release has an answer";
            } else {
                now += kFrame;
                endpointing.frame(level, kFrame, out);
                ASSERT_LE(out.size(), 2U);
            }
            for (const Endpoint& point : out) {
                judge.see(point, now);
            }
            judge.needed(endpointing.needed_from());
            ASSERT_EQ(endpointing.speaking(), judge.speaking());
            ASSERT_LE(now - endpointing.needed_from(), to_samples(2'000 + 400));
        }
    }
}

} // namespace
} // namespace mr::voice

// The audio of a microphone until it is recognised for good: given once, in order, within bounds,
// and again for another connection.
#include "worker/voice/deepgram/audio_window.h"
#include "worker/voice/deepgram/options.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace mr::voice::deepgram {
namespace {

Pcm counted(size_t from, size_t count) {
    Pcm made(count);
    for (size_t i = 0; i < count; ++i) {
        made[i] = static_cast<Sample>((from + i) % 30'000);
    }
    return made;
}

TEST(DeepgramWindow, GivesAllOnceInOrder) {
    AudioWindow window;
    size_t put = 0, got = 0;
    while (put < 50'000) {
        EXPECT_TRUE(window.append(counted(put, 333)));
        put += 333;
        const AudioWindow::Piece piece = window.take(500, window.end());
        EXPECT_EQ(piece.at, got);
        EXPECT_EQ(piece.samples, counted(got, piece.samples.size()));
        got += piece.samples.size();
    }
    EXPECT_EQ(window.unsent(), put - got);
}

TEST(DeepgramWindow, RefusesWhatIsTooMuchAndGoesOnBehindIt) {
    AudioWindow window;
    const size_t limit = to_samples(kMaxRecogniserBacklogMs);
    EXPECT_TRUE(window.append(counted(0, limit)));
    EXPECT_FALSE(window.append(counted(0, 100)));
    EXPECT_EQ(window.end(), limit + 100);
    EXPECT_EQ(window.take(limit, window.end()).samples.size(), limit);
    EXPECT_TRUE(window.append(counted(0, 50)));
    const AudioWindow::Piece piece = window.take(1'000, window.end());
    EXPECT_EQ(piece.at, limit + 100);
    EXPECT_EQ(piece.samples.size(), 50U);
}

TEST(DeepgramWindow, SendsAgainWhatIsNotCoveredFiveSecondsAtMost) {
    AudioWindow window;
    for (size_t at = 0; at < 160'000; at += 1'600) {
        ASSERT_TRUE(window.append(counted(at, 1'600)));
        window.take(1'600, window.end());
    }
    window.rewind();
    EXPECT_EQ(window.unsent(), to_samples(kReplayMs));
    EXPECT_EQ(window.take(100, window.end()).at, 160'000 - to_samples(kReplayMs));
    window.take(10'000, window.end());
    const uint64_t covered = window.sent() - 300;
    window.cover(covered);
    window.rewind();
    const AudioWindow::Piece piece = window.take(100, window.end());
    EXPECT_EQ(piece.at, covered);
    EXPECT_EQ(piece.samples, counted(covered, 100));
    window.cover(1'000'000); // beyond what was sent nothing can be
    EXPECT_EQ(window.unsent(), 160'000 - covered - 100);
}

// While old audio is sent again new audio is not refused.
TEST(DeepgramWindow, HasRoomForTheNewBehindTheOld) {
    AudioWindow window;
    ASSERT_TRUE(window.append(counted(0, to_samples(kReplayMs))));
    window.take(to_samples(kReplayMs), window.end());
    ASSERT_TRUE(window.append(counted(0, to_samples(4'900))));
    window.rewind();
    size_t at_most = window.unsent();
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(window.append(counted(0, to_samples(100)))) << i;
        window.take(to_samples(125), window.end());
        at_most = std::max(at_most, window.unsent());
    }
    EXPECT_LE(at_most, to_samples(10'100));
}

TEST(DeepgramWindow, StopsWhereItIsTold) {
    AudioWindow window;
    window.append(counted(0, 1'000));
    EXPECT_EQ(window.unsent_before(300), 300U);
    EXPECT_EQ(window.take(4'000, 300).samples.size(), 300U);
    EXPECT_EQ(window.unsent_before(300), 0U);
    EXPECT_EQ(window.take(4'000, 300).samples.size(), 0U);
    EXPECT_EQ(window.take(4'000, window.end()).samples.size(), 700U);
}

TEST(DeepgramClock, KnowsWhereTheSecondsAre) {
    ConnectionClock clock;
    EXPECT_EQ(clock.place(1), 16'000U);
    clock.sent(100'000, 16'000);
    clock.sent(116'000, 16'000);
    clock.sent(200'000, 16'000); // behind a gap
    EXPECT_EQ(clock.place(0), 100'000U);
    EXPECT_EQ(clock.place(1.5), 124'000U);
    EXPECT_EQ(clock.place(2), 132'000U);
    EXPECT_EQ(clock.place(2.5), 208'000U);
}

} // namespace
} // namespace mr::voice::deepgram

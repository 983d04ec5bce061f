#include "shared/byte_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace mr {
namespace {

TEST(AByteQueue, SpendsInTheOrderOfArrival) {
    std::mt19937 random(7);
    ByteQueue queue;
    std::string expected;
    for (int step = 0; step < 20000; ++step) {
        const std::string piece(random() % 400, static_cast<char>('a' + random() % 26));
        ASSERT_TRUE(queue.append(as_bytes(piece)));
        expected += piece;
        if (random() % 8 == 0) {
            queue.drop_back(piece.size());
            expected.resize(expected.size() - piece.size());
        }
        const size_t count = random() % 50 == 0 ? expected.size() : random() % 400;
        const size_t spent = std::min(count, expected.size());
        queue.spend(spent);
        expected.erase(0, spent);
        ASSERT_EQ(as_text(queue.view()), expected);
        ASSERT_EQ(queue.empty(), expected.empty());
    }
}

TEST(AByteQueue, NeverEmptiedItHoldsTwiceItsContents) {
    constexpr size_t kContents = 3 * 1024 * 1024;
    const std::string piece(60 * 1024, 'x');
    ByteQueue queue;
    while (queue.size() < kContents) {
        ASSERT_TRUE(queue.append(as_bytes(piece)));
    }
    for (int step = 0; step < 1000; ++step) {
        queue.spend(piece.size());
        ASSERT_TRUE(queue.append(as_bytes(piece)));
        ASSERT_LE(queue.capacity(), 8U * 1024 * 1024); // twice, and the next power of two
    }
}

TEST(AByteQueue, GivesALargeBlockBackWhenItIsEmptied) {
    ByteQueue queue;
    ASSERT_TRUE(queue.append(as_bytes(std::string(ByteQueue::kKeptBytes + 1, 'x'))));
    queue.spend(queue.size());
    EXPECT_EQ(queue.capacity(), 0U);
    ASSERT_TRUE(queue.append(as_bytes("small")));
    queue.spend(5);
    EXPECT_GT(queue.capacity(), 0U);
}

} // namespace
} // namespace mr

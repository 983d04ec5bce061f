#include "shared/buffer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>

namespace mr {
namespace {

TEST(ABuffer, HoldsNothingUntilSomethingIsAppended) {
    Buffer buffer;
    EXPECT_EQ(buffer.data(), nullptr);
    EXPECT_TRUE(buffer.empty());
    EXPECT_TRUE(buffer.append(std::string_view{}));
    EXPECT_TRUE(buffer.reserve(0));
    buffer.consume(0);
    buffer.truncate(0);
    buffer.clear();
    buffer.release();
    EXPECT_EQ(buffer.capacity(), 0U);
    EXPECT_EQ(buffer.text(), "");
}

TEST(ABuffer, KeepsBytesInOrderWhileItGrowsAndShrinks) {
    std::mt19937 random(11);
    Buffer buffer;
    std::string expected;
    for (int step = 0; step < 20000; ++step) {
        const std::string piece(random() % 300, static_cast<char>('a' + random() % 26));
        ASSERT_TRUE(buffer.append(piece));
        expected += piece;
        if (random() % 4 == 0) {
            const size_t count = random() % (expected.size() + 1);
            buffer.consume(count);
            expected.erase(0, count);
        }
        if (random() % 16 == 0) {
            const size_t size = random() % (expected.size() + 1);
            buffer.truncate(size);
            expected.resize(size);
        }
        ASSERT_EQ(buffer.text(), expected);
        ASSERT_EQ(buffer.size(), expected.size());
        ASSERT_GE(buffer.capacity(), buffer.size());
        if (random() % 500 == 0) {
            buffer.release();
            expected.clear();
        }
    }
}

TEST(ABuffer, IsReservedAtOnceAndThenStays) {
    Buffer buffer;
    ASSERT_TRUE(buffer.reserve(1000));
    const uint8_t* place = buffer.data();
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(buffer.append(std::string_view("x")));
    }
    EXPECT_EQ(buffer.data(), place);
    ASSERT_TRUE(buffer.grow_to(5000));
    EXPECT_EQ(buffer.capacity(), 5000U);
    EXPECT_EQ(buffer.text(), std::string(1000, 'x'));
}

TEST(ABuffer, CanBeWrittenIntoBehindItsContents) {
    Buffer buffer;
    ASSERT_TRUE(buffer.append(std::string_view("ab")));
    uint8_t* at = buffer.extend(2);
    ASSERT_NE(at, nullptr);
    at[0] = 'c';
    at[1] = 'd';
    EXPECT_EQ(buffer.text(), "abcd");
}

TEST(ABuffer, LeavesNothingBehindWhenItIsMoved) {
    Buffer from;
    ASSERT_TRUE(from.append(std::string_view("contents")));
    const uint8_t* place = from.data();
    Buffer to(std::move(from));
    EXPECT_EQ(to.data(), place);
    EXPECT_EQ(to.text(), "contents");
    EXPECT_TRUE(from.empty()); // NOLINT(bugprone-use-after-move)
    ASSERT_TRUE(from.append(std::string_view("anew")));
    EXPECT_EQ(from.text(), "anew");
    EXPECT_EQ(to.text(), "contents");
}

} // namespace
} // namespace mr

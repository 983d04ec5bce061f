#include "bench/load/processors.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>

namespace mr::bench {
namespace {

TEST(BenchProcessors, ListsAreReadAsTasksetReadsThem) {
    EXPECT_EQ(read_processors("0"), (Processors{0}));
    EXPECT_EQ(read_processors("2,0-1"), (Processors{0, 1, 2}));
    EXPECT_EQ(read_processors("3,1-3,3"), (Processors{1, 2, 3}));
    EXPECT_EQ(to_string(read_processors("10,9")), "9,10");
}

TEST(BenchProcessors, WhatIsNoListIsRefused) {
    for (const char* list : {"", "a", "0,", ",0", "1-0", "0-", "-1", "0 1", "0x1", "1024",
                             "4294967296", "0-99999999"}) {
        EXPECT_THROW(read_processors(list), std::runtime_error) << list;
    }
}

TEST(BenchProcessors, AllThreadsAreHeld) {
    const Processors all = own_processors();
    ASSERT_FALSE(all.empty());
    std::atomic<bool> over = false;
    std::atomic<pid_t> other = 0;
    std::thread thread([&] {
        other = gettid();
        other.notify_one();
        over.wait(false);
    });
    other.wait(0);
    hold_to(getpid(), {all.front()});
    for (const pid_t one : {gettid(), other.load()}) {
        cpu_set_t set;
        ASSERT_EQ(sched_getaffinity(one, sizeof(set), &set), 0);
        EXPECT_EQ(CPU_COUNT(&set), 1);
        EXPECT_TRUE(CPU_ISSET(all.front(), &set));
    }
    over = true;
    over.notify_one();
    thread.join();
    hold_to(getpid(), all);
    EXPECT_EQ(own_processors(), all);
}

} // namespace
} // namespace mr::bench

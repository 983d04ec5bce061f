// From when on nothing has to be kept for a failover, by what ROLE says of the replicas.
#include "worker/session/replica_watch.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mr::test {
namespace {

using Clock = ReplicaWatch::Clock;
constexpr Clock::time_point kUnknown = Clock::time_point::min();

std::string bulk(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

std::string primary(int64_t offset, const std::vector<std::string>& replicas) {
    std::string reply = "*3\r\n" + bulk("master") + ":" + std::to_string(offset) + "\r\n*" +
                        std::to_string(replicas.size()) + "\r\n";
    for (const std::string& at : replicas) {
        reply += "*3\r\n" + bulk("127.0.0.1") + bulk("6380") + bulk(at);
    }
    return reply;
}

class ReplicaWatchTest : public testing::Test {
  protected:
    static Clock::time_point second(int n) { return Clock::time_point(std::chrono::seconds(n)); }

    // ROLE was asked for at that second. What is known behind it.
    Clock::time_point hear(int at, const std::string& reply) {
        RespReader reader;
        EXPECT_TRUE(reader.feed(reply.data(), reply.size()));
        EXPECT_EQ(reader.next(), RespReader::Result::reply);
        watch_.heard(second(at), reader.current());
        return watch_.have_all_before();
    }

    ReplicaWatch watch_;
};

TEST_F(ReplicaWatchTest, NothingIsKnownBeforeTheFirstReply) {
    EXPECT_EQ(watch_.have_all_before(), kUnknown);
}

TEST_F(ReplicaWatchTest, WithoutReplicasThereIsNoFailover) {
    EXPECT_EQ(hear(1, primary(100, {})), second(1));
    EXPECT_EQ(hear(2, primary(200, {})), second(2));
}

TEST_F(ReplicaWatchTest, WhatAllReplicasHaveIsOlderThanTheLookBefore) {
    EXPECT_EQ(hear(1, primary(100, {"90", "100"})), kUnknown);
    EXPECT_EQ(hear(2, primary(200, {"100", "199"})), second(1)) << "both have what was there at 1";
    EXPECT_EQ(hear(3, primary(300, {"300", "199"})), second(1)) << "one is behind 2";
    EXPECT_EQ(hear(4, primary(400, {"400", "200"})), second(2));
    EXPECT_EQ(hear(5, primary(500, {"500", "399"})), second(2));
    EXPECT_EQ(hear(6, primary(600, {"500", "400"})), second(4));
}

TEST_F(ReplicaWatchTest, AReplicaThatIsAwayMayBeTheNextPrimary) {
    hear(1, primary(100, {"100", "100"}));
    EXPECT_EQ(hear(2, primary(200, {"200", "200"})), second(1));
    EXPECT_EQ(hear(3, primary(300, {"300"})), second(1));
    EXPECT_EQ(hear(4, primary(400, {})), second(1));
    EXPECT_EQ(hear(5, primary(500, {"500", "250"})), second(2)) << "it is back, with some of it";
    watch_.lost();
    EXPECT_EQ(hear(6, primary(600, {"600"})), kUnknown) << "remembered beyond the connection";
    EXPECT_EQ(hear(7, primary(700, {"700"})), kUnknown);
}

TEST_F(ReplicaWatchTest, AnotherConnectionBeginsAnew) {
    hear(1, primary(1000, {"1000"}));
    EXPECT_EQ(hear(2, primary(2000, {"2000"})), second(1));
    watch_.lost();
    EXPECT_EQ(watch_.have_all_before(), kUnknown);
    EXPECT_EQ(hear(3, primary(10, {"10"})), kUnknown) << "another primary, other offsets";
    EXPECT_EQ(hear(4, primary(20, {"20"})), second(3));
}

TEST_F(ReplicaWatchTest, WhatCannotBeReadProvesNothing) {
    const std::string half = "*3\r\n" + bulk("master") + ":50\r\n*1\r\n*1\r\n" + bulk("x");
    for (const std::string& reply :
         {primary(100, {"much"}), primary(100, {""}), primary(100, {"-1"}), half,
          "*5\r\n" + bulk("slave") + bulk("h") + ":1\r\n" + bulk("connected") + ":100\r\n",
          "*1\r\n" + bulk("sentinel"), std::string("+OK\r\n"), std::string("*0\r\n")}) {
        watch_ = {};
        hear(1, reply);
        EXPECT_EQ(hear(2, reply), kUnknown) << reply;
    }
}

} // namespace
} // namespace mr::test

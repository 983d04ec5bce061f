// Key names: one slot for everything a script touches, partitions spread evenly, stable hashing.
#include "shared/ids.h"
#include "shared/keys.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace mr {
namespace {

std::string session_id(uint32_t n) {
    uint8_t bytes[16] = {};
    for (uint32_t i = 0; i < 16; ++i) {
        bytes[i] = static_cast<uint8_t>((n * 2654435761U) >> (i % 4 * 8)) ^
                   static_cast<uint8_t>(n + i * 31);
    }
    char text[kSessionIdChars];
    format_session_id(bytes, text);
    return {text, kSessionIdChars};
}

TEST(ClusterSlot, MatchesTheSpecification) {
    EXPECT_EQ(cluster_slot("123456789"), 0x31C3); // CRC16/XMODEM check value, below 16384
    EXPECT_EQ(cluster_slot("foo{bar}baz"), cluster_slot("bar"));
    EXPECT_EQ(cluster_slot("foo{}{bar}"), cluster_slot("foo{}{bar}"));
    EXPECT_NE(cluster_slot("foo{}{bar}"), cluster_slot("bar"));
    EXPECT_EQ(cluster_slot("{user1000}.a"), cluster_slot("{user1000}.b"));
}

TEST(Partitions, EveryTagLiesInItsShareOfTheSlots) {
    for (const uint32_t count : {1U, 2U, 3U, 16U, 100U, 256U}) {
        const PartitionMap map(count);
        ASSERT_EQ(map.count(), count);
        std::set<std::string> tags;
        for (uint32_t i = 0; i < count; ++i) {
            const std::string tag(map.tag(i));
            EXPECT_TRUE(tags.insert(tag).second);
            const uint32_t slot = cluster_slot(tag + "x");
            EXPECT_GE(slot, i * 16384 / count) << tag;
            EXPECT_LT(slot, (i + 1) * 16384 / count) << tag;
        }
    }
}

TEST(Partitions, SessionsSpreadEvenly) {
    const PartitionMap map;
    std::vector<uint32_t> hits(map.count());
    constexpr uint32_t kSessions = 32000;
    for (uint32_t i = 0; i < kSessions; ++i) {
        ++hits[map.partition_of(session_id(i))];
    }
    for (const uint32_t n : hits) {
        EXPECT_GT(n, kSessions / map.count() * 8 / 10);
        EXPECT_LT(n, kSessions / map.count() * 12 / 10);
    }
}

TEST(SessionKeys, ShareOneSlotAndAreDistinct) {
    const PartitionMap map;
    for (uint32_t i = 0; i < 200; ++i) {
        const std::string id = session_id(i);
        const SessionKeys keys(map, id);
        const std::vector<std::string_view> names = {
            keys.meta,     keys.in_lane, keys.in_channel, keys.out_lane, keys.out_channel,
            keys.snapshot, keys.history, keys.jobs,       keys.leases,   keys.dead};
        std::set<std::string_view> distinct(names.begin(), names.end());
        EXPECT_EQ(distinct.size(), names.size());
        for (const std::string_view name : names) {
            EXPECT_EQ(cluster_slot(name), cluster_slot(names[0])) << name;
            EXPECT_TRUE(name.starts_with("mr:{p"));
        }
        EXPECT_EQ(session_of_key(keys.out_channel), id);
        EXPECT_EQ(session_of_key(keys.jobs), "");
        EXPECT_EQ(out_channel_key(map.tag(keys.partition), id).view(), keys.out_channel.view());
    }
}

TEST(SessionKeys, AProbesChannelIsNoSessions) {
    const PartitionMap map;
    const KeyText channel = probe_channel(map.tag(0), "0123456789abcdef");
    EXPECT_EQ(channel.view(), "mr:" + std::string(map.tag(0)) + ":probe:0123456789abcdef");
    EXPECT_EQ(session_of_key(channel), "");
}

TEST(SessionKeys, LongestNameFitsItsBuffer) {
    const PartitionMap map(kMaxPartitions);
    for (uint32_t i = 0; i < kMaxPartitions; ++i) {
        EXPECT_LE(std::string_view("mr:").size() + map.tag(i).size() +
                      std::string_view(":snap:").size() + kSessionIdChars,
                  kMaxKeyChars);
    }
}

} // namespace
} // namespace mr

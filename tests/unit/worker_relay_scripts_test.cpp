// The scripts against a real Redis where that matters: which of them run out of memory, what a ring
// says of mail that is not there, what a claim leaves of the log, and what the check of permissions
// finds missing.
#include "shared/permissions.h"
#include "tests/unit/worker_support.h"

namespace mr::test {
namespace {

constexpr std::string_view kSid = "6f1c0a52-7f0e-4d8e-9a35-0f4f1f0c2f61";

class RelayScripts : public ::testing::Test {
  protected:
    RelayScripts() : raw_(redis_.socket_path()), keys_(partitions_, kSid) {}

    redis::Value call(std::initializer_list<std::string_view> parts) { return raw_.call(parts); }
    void set_memory(std::string_view limit) { call({"CONFIG", "SET", "maxmemory", limit}); }
    void lease(std::string_view worker) { call({"ZADD", keys_.leases, "99999999999999", worker}); }
    redis::Value mail(std::string_view bytes) {
        return call({"EVAL", kMailScript.text, "5", keys_.meta, keys_.in_lane, keys_.leases,
                     keys_.jobs, keys_.in_channel, kSid, "chat", bytes, "", "10", "1000", "10",
                     "60000"});
    }
    redis::Value save(const Script& script, std::string_view op, std::string_view id) {
        return call({"EVAL", script.text, "3", keys_.meta, keys_.in_lane, keys_.history, "7", "w",
                     op, "0", "checkpoint", "", "10", "60000", "1", id, "4"});
    }
    // By a worker that has died by the time of the next claim.
    redis::Value claim(const std::string& worker) {
        lease(worker);
        const std::string entry = call({"XADD", keys_.jobs, "*", "sid", kSid, "app", "chat"}).text;
        call({"XREADGROUP", "GROUP", kJobGroup, worker, "STREAMS", keys_.jobs, ">"});
        redis::Value claimed = call({"EVAL", kClaimScript.text, "7", keys_.meta, keys_.in_lane,
                                     keys_.out_lane, keys_.leases, keys_.jobs, keys_.out_channel,
                                     keys_.dead, kSid, worker, entry, "100", "60000", "60000"});
        call({"ZREM", keys_.leases, worker});
        return claimed;
    }
    redis::Value permissions(std::span<const std::string_view> wanted, std::string_view user) {
        std::vector<std::string_view> parts = {"EVAL", kPermissionScript, "0"};
        parts.insert(parts.end(), wanted.begin(), wanted.end());
        RawRedis client(redis_.socket_path());
        client.call({"AUTH", user, "p"});
        return client.call(parts);
    }

    RedisFixture redis_;
    RawRedis raw_;
    PartitionMap partitions_;
    SessionKeys keys_;
};

TEST_F(RelayScripts, WhatFreesMemoryRunsWithoutAny) {
    call({"XGROUP", "CREATE", keys_.jobs, kJobGroup, "0", "MKSTREAM"});
    lease("w");
    call({"HSET", keys_.meta, "ep", "7", "own", "w", "ckpt", "c", "iseq", "2", "ibytes", "8"});
    call({"XADD", keys_.in_lane, "0-1", "d", "mail"});
    call({"XADD", keys_.in_lane, "0-2", "d", "mail"});
    set_memory("1");
    EXPECT_TRUE(mail("mail").error_is("OOM"));
    EXPECT_TRUE(save(kSaveScript, "set", "0-1").error_is("OOM"));
    EXPECT_EQ(save(kConsumeScript, "keep", "0-1").integer, 1);
    EXPECT_EQ(save(kConsumeScript, "clear", "0-2").integer, 1);
    EXPECT_EQ(call({"XLEN", keys_.in_lane}).integer, 0);
    EXPECT_EQ(call({"HGET", keys_.meta, "ibytes"}).text, "0");
    EXPECT_EQ(call({"HEXISTS", keys_.meta, "ckpt"}).integer, 0);
    const redis::Value finished =
        call({"EVAL", kFinishScript.text, "4", keys_.meta, keys_.in_lane, keys_.out_lane,
              keys_.jobs, "7", "w", "1-1", "1000", "60000"});
    EXPECT_EQ(finished.integer, static_cast<int>(FinishStatus::finished)) << finished.text;
    EXPECT_TRUE(call({"HGET", keys_.meta, "own"}).is_nil());
    set_memory("0");
    call({"HSET", keys_.meta, "own", "w"});
    set_memory("1");
    const redis::Value released =
        call({"EVAL", kReleaseScript.text, "4", keys_.meta, keys_.in_lane, keys_.leases, keys_.jobs,
              "7", "w", "1-1", kSid, "chat", "0", "60000", ""});
    EXPECT_EQ(released.integer, static_cast<int>(ReleaseStatus::released)) << released.text;
    EXPECT_EQ(call({"XLEN", keys_.jobs}).integer, 1) << "handed over";
    set_memory("0");
}

TEST_F(RelayScripts, ARingTellsMailThatWaitsFromMailThatDoesNot) {
    lease("w");
    const auto nothing = static_cast<int>(MailStatus::nothing);
    const auto rung = static_cast<int>(MailStatus::rung);
    EXPECT_EQ(mail("").at(0).integer, nothing) << "nobody has asked anything";
    ASSERT_EQ(mail("mail").at(0).integer, rung);
    EXPECT_EQ(mail("").at(0).integer, rung);
    call({"DEL", keys_.in_lane});
    const redis::Value gone = mail("");
    EXPECT_EQ(gone.at(0).integer, nothing);
    EXPECT_EQ(gone.at(1).integer, 0);
    call({"HSET", keys_.meta, "ckpt", "c"});
    EXPECT_EQ(mail("").at(0).integer, rung) << "a turn waits for its next owner";
    call({"HSET", keys_.meta, "own", "w"});
    const redis::Value attended = mail("");
    EXPECT_EQ(attended.at(0).integer, nothing);
    EXPECT_EQ(attended.at(1).integer, 1) << "an owner attends it";
    call({"FLUSHALL"});
    EXPECT_EQ(mail("").at(1).integer, 0);
}

TEST_F(RelayScripts, WhatAnOwnerWritesToHimselfIsFenced) {
    lease("w");
    call({"HSET", keys_.meta, "ep", "7", "own", "w"});
    const auto to_himself = [this](std::string_view epoch) {
        const redis::Value reply = call({"EVAL",        kMailScript.text,
                                         "5",           keys_.meta,
                                         keys_.in_lane, keys_.leases,
                                         keys_.jobs,    keys_.in_channel,
                                         kSid,          "chat",
                                         "mail",        "",
                                         "10",          "1000",
                                         "10",          "60000",
                                         "-",           "0",
                                         "0",           "",
                                         epoch});
        return reply.at(0).integer;
    };
    EXPECT_EQ(to_himself("6"), static_cast<int>(MailStatus::fenced))
        << "somebody else has claimed the session";
    EXPECT_EQ(call({"XLEN", keys_.in_lane}).integer, 0);
    EXPECT_EQ(to_himself("7"), static_cast<int>(MailStatus::owned));
    call({"FLUSHALL"});
    lease("w");
    EXPECT_EQ(to_himself("7"), static_cast<int>(MailStatus::rung))
        << "Redis has forgotten the claim: better twice";
}

TEST_F(RelayScripts, ATurnInFlightKeepsItsLogHoweverOftenItIsHandedOver) {
    call({"XGROUP", "CREATE", keys_.jobs, kJobGroup, "0", "MKSTREAM"});
    call({"HSET", keys_.meta, "ckpt", "c"});
    const uint32_t owners = 2 * kKeptEpochs;
    for (uint32_t i = 1; i <= owners; ++i) {
        const redis::Value claimed = claim("w" + std::to_string(i));
        ASSERT_EQ(claimed.at(0).integer, static_cast<int>(ClaimStatus::claimed)) << claimed.text;
    }
    EXPECT_EQ(call({"XLEN", keys_.out_lane}).integer, owners);
    call({"HDEL", keys_.meta, "ckpt"});
    call({"XADD", keys_.in_lane, "0-1", "d", "mail"});
    claim("next");
    EXPECT_EQ(call({"XLEN", keys_.out_lane}).integer, kKeptEpochs);
}

TEST_F(RelayScripts, MissingPermissionsAreNamed) {
    call({"ACL", "SETUSER", "all", "on", ">p", "~mr:*", "&mr:*", "+@all"});
    EXPECT_TRUE(permissions(gateway_permissions(), "all").elements.empty());
    EXPECT_TRUE(permissions(worker_permissions(), "all").elements.empty());
    call({"ACL", "SETUSER", "all", "-xadd", "-script|load", "-xgroup|delconsumer",
          "-pubsub|shardnumsub", "resetchannels"});
    std::string named;
    for (const redis::Value& name : permissions(worker_permissions(), "all").elements) {
        named += name.text + " ";
    }
    EXPECT_EQ(named, "script|load xadd xgroup|delconsumer spublish ssubscribe pubsub|shardnumsub ");
    call({"ACL", "SETUSER", "all", "resetkeys", "~other:*", "+@all", "allchannels"});
    EXPECT_GT(permissions(gateway_permissions(), "all").elements.size(), 10u);
}

} // namespace
} // namespace mr::test

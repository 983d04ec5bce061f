// Sentinels: what they are asked, how every kind of reply is read, and whose word counts when they
// contradict each other.
#include "shared/sentinel.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mr {
namespace {

using Kind = SentinelAnswer::Kind;

PrimaryAddress address(const std::string& host, uint16_t port) {
    PrimaryAddress made;
    made.host.assign(host);
    made.port = port;
    return made;
}

SentinelAnswer named(const std::string& host, uint16_t port, uint64_t epoch) {
    SentinelAnswer answer;
    answer.kind = Kind::primary;
    answer.primary = address(host, port);
    answer.config_epoch = epoch;
    return answer;
}

SentinelAnswer of_kind(Kind kind) {
    SentinelAnswer answer;
    answer.kind = kind;
    return answer;
}

// Feeds a whole conversation as it comes over the wire.
SentinelAnswer read_conversation(const std::string& wire, SentinelStep step) {
    SentinelAnswer answer;
    RespReader reader;
    EXPECT_TRUE(reader.feed(wire.data(), wire.size()));
    while (step != SentinelStep::done) {
        if (reader.next() != RespReader::Result::reply) {
            ADD_FAILURE() << "too few replies: " << wire;
            break;
        }
        step = take_sentinel_reply(answer, step, reader.current());
    }
    return answer;
}

std::string bulk(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

const std::string kAddress = "*2\r\n" + bulk("10.0.0.7") + bulk("6380");
const std::string kRecord = "*6\r\n" + bulk("name") + bulk("n") + bulk("config-epoch") +
                            bulk("12") + bulk("quorum") + bulk("2");
const std::string kQuorum =
    "+OK 3 usable Sentinels. Quorum and failover authorization can be reached\r\n";
const std::string kNoQuorum = "-NOQUORUM 1 usable Sentinels. Not enough available Sentinels\r\n";

TEST(Sentinel, AsksForAddressEpochAndQuorum) {
    RedisUrl url;
    ASSERT_EQ(parse_redis_url("sentinel://a/nm", url), nullptr);
    Buffer out;
    EXPECT_FALSE(sentinel_wants_login(url));
    ASSERT_TRUE(encode_sentinel_questions(out, url));
    const std::string head = "*3\r\n" + bulk("SENTINEL");
    EXPECT_EQ(std::string(out.text()), head + bulk("GET-MASTER-ADDR-BY-NAME") + bulk("nm") + head +
                                           bulk("MASTER") + bulk("nm") + head + bulk("CKQUORUM") +
                                           bulk("nm"));

    ASSERT_EQ(parse_redis_url("sentinel://a/nm?sentinel_password=x", url), nullptr);
    EXPECT_TRUE(sentinel_wants_login(url));
    out.clear();
    ASSERT_TRUE(encode_sentinel_login(out, url));
    EXPECT_EQ(std::string(out.text()), "*2\r\n" + bulk("AUTH") + bulk("x"));
    ASSERT_EQ(parse_redis_url("sentinel://a/nm?sentinel_user=u&sentinel_password=x", url), nullptr);
    out.clear();
    ASSERT_TRUE(encode_sentinel_login(out, url));
    EXPECT_EQ(std::string(out.text()), "*3\r\n" + bulk("AUTH") + bulk("u") + bulk("x"));
}

TEST(Sentinel, ReadsAWholeAnswer) {
    const SentinelAnswer answer =
        read_conversation("+OK\r\n" + kAddress + kRecord + kQuorum, SentinelStep::login);
    EXPECT_EQ(answer.kind, Kind::primary);
    EXPECT_EQ(answer.primary, address("10.0.0.7", 6380));
    EXPECT_EQ(answer.config_epoch, 12u);
    EXPECT_FALSE(answer.no_quorum);
}

struct Conversation {
    const char* what;
    std::string wire;
    SentinelStep first;
    Kind kind;
    const char* words;
};

const std::string kNoMaster = "-ERR No such master with that name\r\n";
const std::string kDenied = "-NOAUTH Authentication required.\r\n";

const Conversation kConversations[] = {
    {"name not known", "*-1\r\n" + kNoMaster + kNoMaster, SentinelStep::address, Kind::unknown_name,
     ""},
    {"password needed", kDenied + kDenied + kDenied, SentinelStep::address, Kind::refused,
     "NOAUTH"},
    {"password wrong", "-WRONGPASS invalid\r\n" + kDenied + kDenied + kDenied, SentinelStep::login,
     Kind::refused, "WRONGPASS"},
    {"login refused, yet answered",
     "-ERR AUTH called without any password\r\n" + kAddress + kRecord + kQuorum,
     SentinelStep::login, Kind::refused, "without any password"},
    {"no quorum", kAddress + kRecord + kNoQuorum, SentinelStep::address, Kind::primary, "NOQUORUM"},
    {"may not ask for the record", kAddress + "-NOPERM no\r\n-NOPERM no\r\n", SentinelStep::address,
     Kind::primary, ""},
    {"a port that is none", "*2\r\n" + bulk("h") + bulk("x") + kRecord + kQuorum,
     SentinelStep::address, Kind::unknown_name, ""},
    {"port 0", "*2\r\n" + bulk("h") + bulk("0") + kRecord + kQuorum, SentinelStep::address,
     Kind::unknown_name, ""},
    {"a host that is too long",
     "*2\r\n" + bulk(std::string(256, 'h')) + bulk("1") + kRecord + kQuorum, SentinelStep::address,
     Kind::unknown_name, ""},
    {"not a sentinel", "-ERR unknown command 'SENTINEL'\r\n-ERR unknown\r\n-ERR unknown\r\n",
     SentinelStep::address, Kind::refused, "unknown command"},
};

TEST(Sentinel, ReadsEveryKindOfAnswer) {
    for (const Conversation& row : kConversations) {
        const SentinelAnswer answer = read_conversation(row.wire, row.first);
        EXPECT_EQ(answer.kind, row.kind) << row.what;
        EXPECT_NE(answer.words.view().find(row.words), std::string_view::npos)
            << row.what << ": " << answer.words.view();
        EXPECT_EQ(answer.no_quorum, std::string(row.what) == "no quorum") << row.what;
    }
}

struct Round {
    const char* what;
    std::vector<SentinelAnswer> answers;
    PrimaryAddress known;
    uint64_t known_epoch;
    const char* problem; // part of it; null: good
    size_t witness;
};

const SentinelAnswer kNone = of_kind(Kind::silent);

const Round kRounds[] = {
    {"all agree", {named("a", 1, 3), named("a", 1, 3), named("a", 1, 3)}, {}, 0, nullptr, 0},
    {"one answers of three", {kNone, named("a", 1, 3), kNone}, {}, 0, nullptr, 1},
    {"the newer epoch wins",
     {named("old", 1, 3), named("old", 1, 3), named("new", 2, 4)},
     address("old", 1),
     3,
     nullptr,
     2},
    {"an old one among new ones",
     {named("old", 1, 3), named("new", 2, 4), named("new", 2, 4)},
     address("new", 2),
     4,
     nullptr,
     1},
    {"without epochs votes decide",
     {named("old", 1, 0), named("new", 2, 0), named("new", 2, 0)},
     address("old", 1),
     0,
     nullptr,
     1},
    {"and a tie changes nothing",
     {named("new", 2, 0), named("old", 1, 0)},
     address("old", 1),
     0,
     nullptr,
     1},
    {"only the one that was cut off answers",
     {named("old", 1, 3), kNone, kNone},
     address("new", 2),
     4,
     "minority",
     0},
    {"half is no majority", {named("old", 1, 3), kNone}, address("new", 2), 4, "minority", 0},
    {"a minority that agrees with what is known",
     {named("new", 2, 3), kNone, kNone},
     address("new", 2),
     4,
     nullptr,
     0},
    {"sentinels set up anew: a majority counts, whatever the epoch",
     {named("fresh", 5, 0), named("fresh", 5, 0), kNone},
     address("new", 2),
     4,
     nullptr,
     0},
    {"nobody", {kNone, kNone}, address("a", 1), 1, "no sentinel answers", 0},
    {"the name is wrong",
     {kNone, of_kind(Kind::unknown_name)},
     {},
     0,
     "knows a primary of this name",
     1},
    {"a refusal explains more than that",
     {of_kind(Kind::unknown_name), kNone, of_kind(Kind::refused)},
     {},
     0,
     "refuse to answer",
     2},
    {"one that knows is enough",
     {of_kind(Kind::refused), named("a", 1, 1), of_kind(Kind::unknown_name)},
     {},
     0,
     nullptr,
     1},
};

TEST(Sentinel, JudgesWhoseWordCounts) {
    for (const Round& row : kRounds) {
        const SentinelVerdict verdict = judge_sentinels(row.answers, row.known, row.known_epoch);
        if (row.problem == nullptr) {
            EXPECT_EQ(verdict.problem, nullptr) << row.what << ": " << verdict.problem;
        } else {
            ASSERT_NE(verdict.problem, nullptr) << row.what;
            EXPECT_NE(std::string(verdict.problem).find(row.problem), std::string::npos)
                << row.what << ": " << verdict.problem;
        }
        EXPECT_EQ(verdict.witness, row.witness) << row.what;
    }
}

TEST(Sentinel, TellsAPrimaryByItsRole) {
    const std::pair<std::string, bool> rows[] = {
        {"*3\r\n" + bulk("master") + ":1\r\n*0\r\n", true},
        {"*5\r\n" + bulk("slave") + bulk("h") + ":1\r\n" + bulk("connected") + ":2\r\n", false},
        {"*2\r\n" + bulk("sentinel") + "*0\r\n", false},
        {"*0\r\n", false},
        {"-NOPERM no\r\n", false},
        {"+master\r\n", false},
    };
    for (const auto& row : rows) {
        RespReader reader;
        ASSERT_TRUE(reader.feed(row.first.data(), row.first.size()));
        ASSERT_EQ(reader.next(), RespReader::Result::reply);
        EXPECT_EQ(is_primary_role(reader.current()), row.second) << row.first;
    }
}

} // namespace
} // namespace mr

// Redis URLs: every form, every refusal with its reason, and no secret in what is shown.
#include "shared/redis_url.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mr {
namespace {

struct Accepted {
    const char* text;
    RedisTransport transport;
    const char* host;
    uint16_t port;
    uint32_t database;
    const char* user;
    const char* password;
    const char* name;
};

constexpr auto kTcp = RedisTransport::tcp;
constexpr auto kTls = RedisTransport::tls;
constexpr auto kUnix = RedisTransport::unix_socket;

const Accepted kAccepted[] = {
    {"redis://localhost", kTcp, "localhost", 6379, 0, "", "", "redis://localhost:6379"},
    {"redis://localhost/", kTcp, "localhost", 6379, 0, "", "", "redis://localhost:6379"},
    {"redis://10.0.0.1:7000/3", kTcp, "10.0.0.1", 7000, 3, "", "", "redis://10.0.0.1:7000/3"},
    {"redis://[::1]:7000", kTcp, "::1", 7000, 0, "", "", "redis://[::1]:7000"},
    {"redis://[fe80::1]", kTcp, "fe80::1", 6379, 0, "", "", "redis://[fe80::1]:6379"},
    {"redis://:secret@h", kTcp, "h", 6379, 0, "", "secret", "redis://h:6379"},
    {"redis://secret@h", kTcp, "h", 6379, 0, "", "secret", "redis://h:6379"},
    {"redis://me:secret@h:1/65535", kTcp, "h", 1, 65535, "me", "secret", "redis://h:1/65535"},
    {"redis://me:p%40ss%3aw%2Ford%25@h", kTcp, "h", 6379, 0, "me", "p@ss:w/ord%", "redis://h:6379"},
    {"redis://me:a@b@h", kTcp, "h", 6379, 0, "me", "a@b", "redis://h:6379"},
    {"redis://h?db=4&user=me&password=s%26t", kTcp, "h", 6379, 4, "me", "s&t", "redis://h:6379/4"},
    {"rediss://h:65535/1", kTls, "h", 65535, 1, "", "", "rediss://h:65535/1"},
    {"unix:/run/redis.sock", kUnix, "/run/redis.sock", 6379, 0, "", "", "unix:/run/redis.sock"},
    {"unix:///run/r.sock", kUnix, "/run/r.sock", 6379, 0, "", "", "unix:/run/r.sock"},
    {"unix:/a%20b?db=2&password=x", kUnix, "/a b", 6379, 2, "", "x", "unix:/a b?db=2"},
};

TEST(RedisUrl, AcceptsEveryForm) {
    for (const Accepted& row : kAccepted) {
        RedisUrl url;
        const char* problem = parse_redis_url(row.text, url);
        ASSERT_EQ(problem, nullptr) << row.text << ": " << problem;
        EXPECT_EQ(url.transport, row.transport) << row.text;
        EXPECT_EQ(url.host.view(), row.host) << row.text;
        EXPECT_STREQ(url.host.chars, row.host) << "NUL-terminated";
        EXPECT_EQ(url.port, row.port) << row.text;
        EXPECT_EQ(url.database, row.database) << row.text;
        EXPECT_EQ(url.user.view(), row.user) << row.text;
        EXPECT_EQ(url.password.view(), row.password) << row.text;
        char name[kMaxRedisNameChars];
        EXPECT_EQ(std::string(name, format_redis_name(url, name)), row.name);
    }
}

TEST(RedisUrl, TakesTlsOptions) {
    RedisUrl url;
    ASSERT_EQ(parse_redis_url("rediss://h?ca_file=/etc/ca.pem&server_name=redis.test&verify=off"
                              "&password_file=/run/secret",
                              url),
              nullptr);
    EXPECT_EQ(url.ca_file.view(), "/etc/ca.pem");
    EXPECT_EQ(url.tls_name(url.host.view()), "redis.test");
    EXPECT_FALSE(url.verify);
    EXPECT_EQ(url.password_file.view(), "/run/secret");

    ASSERT_EQ(parse_redis_url("rediss://h", url), nullptr);
    EXPECT_TRUE(url.verify) << "checked unless switched off";
    EXPECT_EQ(url.tls_name(url.host.view()), "h");
}

struct Refused {
    std::string text;
    const char* reason; // part of the message
};

const Refused kRefused[] = {
    {"", "must begin with"},
    {"localhost:6379", "must begin with"},
    {"http://localhost", "must begin with"},
    {"REDIS://localhost", "must begin with"},
    {"cluster://a,b", "not supported yet"},
    {"sentinel://", "no host"},
    {"sentinel:///name", "no host"},
    {"sentinel://a,/name", "no host"},
    {"sentinel://a,,b/name", "no host"},
    {"sentinel://a:0/name", "port"},
    {"sentinel://a:1,b:x/name", "port"},
    {"sentinel://[::1/name", "closing bracket"},
    {"sentinel://a,b", "no name of a primary"},
    {"sentinel://a,b/", "no name of a primary"},
    {"sentinel://a/name/2", "?db=N"},
    {"sentinel://a/n%0aame", "control character"},
    {"sentinel://1,2,3,4,5,6,7,8,9/name", "more than 8"},
    {"sentinel://" + std::string(255, 'a') + "," + std::string(255, 'b') + "," +
         std::string(255, 'c') + ",d/name",
     "768"},
    {"sentinel://" + std::string(256, 'a') + "/name", "255"},
    {"sentinel://a/" + std::string(129, 'n'), "128"},
    {"sentinel://a/name?tls=yes", "neither on nor off"},
    {"sentinel://a/name?ca_file=/x", "tls=on"},
    {"sentinel://a/name?verify=off&tls=off", "tls=on"},
    {"sentinel://a/name?sentinel_user=me", "without a sentinel_password"},
    {"sentinel://a/name?sentinel_password=x&sentinel_password_file=/x", "both a sentinel_password"},
    {"sentinel://a/name?sentinel_password_file=x", "absolute"},
    {"sentinel://a/name?user=me", "user without a password"},
    {"redis://h?sentinel_password=x", "needs sentinel://"},
    {"unix:/s?sentinel_user=x", "needs sentinel://"},
    {"redis://h?tls=on", "write rediss://"},
    {"redis://h?tls=on&tls=on", "write rediss://"},
    {"rediss://h?tls=off", "write rediss://"},
    {"redis://", "no host"},
    {"redis://:6379", "no host"},
    {"redis://u:p@", "no host"},
    {"redis://h:", "port"},
    {"redis://h:0", "port"},
    {"redis://h:65536", "port"},
    {"redis://h:99999999999999999999", "port"},
    {"redis://h:6379x", "port"},
    {"redis://h/x", "database"},
    {"redis://h/65536", "database"},
    {"redis://h/-1", "database"},
    {"redis://h?db=", "name=value"},
    {"redis://h?db", "name=value"},
    {"redis://h?db=1&&db=2", "name=value"},
    {"redis://h?database=1", "unknown option"},
    {"redis://h?verify=off", "needs rediss://"},
    {"unix:/s?ca_file=/x", "needs rediss://"},
    {"rediss://h?verify=no", "neither on nor off"},
    {"rediss://h?ca_file=ca.pem", "absolute"},
    {"redis://h?password_file=secret", "absolute"},
    {"redis://a:b@h?password_file=/secret", "both"},
    {"redis://me:@h", "user without a password"},
    {"redis://h?user=me", "user without a password"},
    {"redis://[::1", "closing bracket"},
    {"redis://[::1]6379", "behind its IPv6"},
    {"redis://a%2@h", "hexadecimal"},
    {"redis://a%@h", "hexadecimal"},
    {"redis://a%gg@h", "hexadecimal"},
    {"redis://a%00b@h", "control character"},
    {"redis://a%0d%0ab@h", "control character"},
    {"unix:", "absolute path"},
    {"unix:redis.sock", "absolute path"},
    {"unix:/" + std::string(107, 'x'), "107"},
    {"redis://" + std::string(256, 'h'), "255"},
    {"redis://" + std::string(1025, 'p') + "@h", "1024"},
    {"redis://h/" + std::string(2048, '1'), "2048"},
    {"redis://h?tls=on&db=1", "write rediss://"},
};

TEST(RedisUrl, RefusesWithTheReason) {
    for (const Refused& row : kRefused) {
        RedisUrl url;
        url.port = 1;
        const char* problem = parse_redis_url(row.text, url);
        ASSERT_NE(problem, nullptr) << row.text;
        EXPECT_NE(std::string(problem).find(row.reason), std::string::npos)
            << row.text << ": " << problem;
        EXPECT_EQ(url.port, 1) << "left alone: " << row.text;
    }
}

TEST(RedisUrl, TakesLimitsExactly) {
    RedisUrl url;
    EXPECT_EQ(parse_redis_url("unix:/" + std::string(106, 'x'), url), nullptr);
    EXPECT_EQ(
        parse_redis_url("redis://" + std::string(1024, 'p') + "@" + std::string(255, 'h'), url),
        nullptr);
    char name[kMaxRedisNameChars];
    url.transport = RedisTransport::tls;
    url.port = 65535;
    url.database = kMaxRedisDatabase;
    url.host.assign(std::string(254, 'a') + ":");
    EXPECT_LE(format_redis_name(url, name), kMaxRedisNameChars);
}

struct SentinelRow {
    std::string text;
    const char* name;
    std::vector<std::string> places; // host:port
    const char* shown;
    RedisTransport transport = kTcp;
    uint32_t database = 0;
};

const SentinelRow kSentinelRows[] = {
    {"sentinel://a/mymaster", "mymaster", {"a:26379"}, "sentinel://a:26379/mymaster"},
    {"sentinel://a,b:7,[::1],[fe80::2]:9/m.1-x_y",
     "m.1-x_y",
     {"a:26379", "b:7", "[::1]:26379", "[fe80::2]:9"},
     "sentinel://a:26379,b:7,[::1]:26379,[fe80::2]:9/m.1-x_y"},
    {"sentinel://a/n%61me%2f?db=3", "name/", {"a:26379"}, "sentinel://a:26379/name/?db=3", kTcp, 3},
    {"sentinel://a%2Db:1/n?tls=on", "n", {"a-b:1"}, "sentinel://a-b:1/n", kTls},
    {"sentinel://a/n?tls=off", "n", {"a:26379"}, "sentinel://a:26379/n"},
    {"sentinel://1,2,3,4,5,6,7,8/n",
     "n",
     {"1:26379", "2:26379", "3:26379", "4:26379", "5:26379", "6:26379", "7:26379", "8:26379"},
     "sentinel://1:26379,2:26379,3:26379,4:26379,5:26379,6:26379,7:26379,8:26379/n"},
};

TEST(RedisUrl, TakesSentinels) {
    for (const SentinelRow& row : kSentinelRows) {
        RedisUrl url;
        const char* problem = parse_redis_url(row.text, url);
        ASSERT_EQ(problem, nullptr) << row.text << ": " << problem;
        EXPECT_TRUE(url.has_sentinels());
        EXPECT_TRUE(url.host.empty());
        EXPECT_EQ(url.transport, row.transport) << row.text;
        EXPECT_EQ(url.database, row.database) << row.text;
        EXPECT_EQ(url.sentinels.name.view(), row.name) << row.text;
        ASSERT_EQ(url.sentinels.count, row.places.size()) << row.text;
        for (size_t i = 0; i < row.places.size(); ++i) {
            const std::string_view host = url.sentinels.host(i);
            char place[kMaxPlaceNameChars];
            const size_t length = format_place(host, url.sentinels.places[i].port, place);
            EXPECT_EQ(std::string(place, length), row.places[i]);
            EXPECT_EQ(host.data()[host.size()], 0) << "NUL-terminated";
        }
        char name[kMaxRedisNameChars];
        EXPECT_EQ(std::string(name, format_redis_name(url, name)), row.shown);
    }
}

TEST(RedisUrl, TakesTheLoginsOfSentinelAndRedis) {
    RedisUrl url;
    ASSERT_EQ(
        parse_redis_url("sentinel://me:a%40b@s1,s2/n?sentinel_user=you&sentinel_password=c%26d"
                        "&tls=on&ca_file=/ca&server_name=redis.test&verify=off",
                        url),
        nullptr);
    EXPECT_EQ(url.user.view(), "me");
    EXPECT_EQ(url.password.view(), "a@b");
    EXPECT_EQ(url.sentinels.user.view(), "you");
    EXPECT_EQ(url.sentinels.password.view(), "c&d");
    EXPECT_EQ(url.tls_name(url.sentinels.host(1)), "redis.test");
    EXPECT_FALSE(url.verify);

    ASSERT_EQ(
        parse_redis_url("sentinel://s1/n?password_file=/p&sentinel_password_file=/s&tls=on", url),
        nullptr);
    EXPECT_EQ(url.password_file.view(), "/p");
    EXPECT_EQ(url.sentinels.password_file.view(), "/s");
    EXPECT_EQ(url.tls_name(url.sentinels.host(0)), "s1");
    EXPECT_FALSE(parse_redis_url("redis://h", url) != nullptr || url.has_sentinels());
}

// However long the hosts are, the name of the primary is always shown.
TEST(RedisUrl, BoundsTheNameOfManySentinels) {
    for (size_t length = 1; length <= 94; ++length) {
        std::string text = "sentinel://";
        for (int i = 0; i < 8; ++i) {
            text +=
                (i != 0 ? "," : "") + std::string(length, static_cast<char>('a' + i)) + ":65535";
        }
        const std::string primary(kMaxPrimaryNameChars, 'n');
        RedisUrl url;
        ASSERT_EQ(parse_redis_url(text + "/" + primary + "?db=65535", url), nullptr) << length;
        char name[kMaxRedisNameChars];
        const std::string shown(name, format_redis_name(url, name));
        EXPECT_LE(shown.size(), kMaxRedisNameChars);
        EXPECT_TRUE(shown.ends_with("/" + primary + "?db=65535")) << shown;
        EXPECT_TRUE(shown.size() == text.size() + primary.size() + 10 ||
                    shown.find("...") != std::string::npos)
            << shown;
    }
}

TEST(RedisUrl, ReadsPasswordFiles) {
    struct Row {
        std::string contents;
        const char* password; // null: refused
    };
    const Row rows[] = {
        {"secret", "secret"},     {"secret\n", "secret"},
        {"secret\r\n", "secret"}, {"two\nlines\n", "two"},
        {" s p ", " s p "},       {"", nullptr},
        {"\nsecret", nullptr},    {std::string(1025, 'x'), nullptr},
    };
    for (const Row& row : rows) {
        FixedText<kMaxRedisPasswordChars> password;
        const char* problem = set_redis_password(password, row.contents);
        EXPECT_EQ(problem == nullptr, row.password != nullptr) << row.contents;
        EXPECT_EQ(password.view(), row.password != nullptr ? row.password : "");
    }
}

TEST(RedisUrl, NeverShowsSecrets) {
    RedisUrl url;
    ASSERT_EQ(parse_redis_url("redis://someone:hidden@h/1?password_file=/p", url) == nullptr,
              false);
    ASSERT_EQ(parse_redis_url("redis://someone:hidden@h/1", url), nullptr);
    char name[kMaxRedisNameChars];
    const std::string shown(name, format_redis_name(url, name));
    EXPECT_EQ(shown.find("hidden"), std::string::npos);
    EXPECT_EQ(shown.find("someone"), std::string::npos);

    ASSERT_EQ(parse_redis_url("sentinel://someone:hidden@a,b/n?sentinel_password=secret", url),
              nullptr);
    EXPECT_EQ(std::string(name, format_redis_name(url, name)), "sentinel://a:26379,b:26379/n");
}

} // namespace
} // namespace mr

// Origins of pages against the patterns of a location: what is let in, and above all what is not.
#include "ngx_mr_ws_module/origin.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mr {
namespace {

bool matches(const std::string& text, const std::string& origin) {
    OriginPattern pattern;
    EXPECT_EQ(parse_origin_pattern(text, pattern), nullptr) << text;
    const OriginPolicy policy{false, false, 1, &pattern};
    return origin_allowed(policy, origin, "server.example", true);
}

struct Row {
    const char* pattern;
    std::vector<const char*> allowed;
    std::vector<const char*> refused;
};

TEST(Origin, Patterns) {
    const Row rows[] = {
        {"app.example",
         {"https://app.example", "http://app.example", "https://APP.Example:443",
          "http://app.example:80", "HTTPS://app.example"},
         {"https://app.example:80",
          "http://app.example:443",
          "https://app.example:8443",
          "https://app.example.",
          "https://xapp.example",
          "https://app.example.evil.example",
          "https://evil.example/app.example",
          "https://app.example@evil.example",
          "https://evil.example#app.example",
          "https://evil.example?app.example",
          "https://app.example/",
          "https://app.example:",
          "app.example",
          "//app.example",
          "://app.example",
          "ftp://app.example",
          "null",
          "",
          "https://",
          " https://app.example",
          "https://app.example ",
          "https://app.example https://evil.example",
          "https://app.example,https://evil.example",
          "https://app.example:0",
          "https://app.example:65979",
          "https://app.example:443x",
          "https://app.example:+443"}},
        {"https://app.example",
         {"https://app.example"},
         {"http://app.example", "wss://app.example", "httpss://app.example"}},
        {"*.app.example",
         {"https://a.app.example", "http://a.b.app.example", "https://A.APP.EXAMPLE"},
         {"https://app.example", "https://.app.example", "https://aapp.example",
          "https://a.app.example.evil.example", "https://a.app.example:8443",
          "https://evil.example/.app.example", "https://evil.example:443.app.example"}},
        {"https://*.app.example:*",
         {"https://a.app.example", "https://a.app.example:1"},
         {"http://a.app.example", "https://app.example:1", "https://a.app.example:0"}},
        {"localhost:*", {"http://localhost:3000", "https://localhost"}, {"http://localhos:3000"}},
        {"http://localhost:3000", {"http://localhost:3000"}, {"http://localhost:3001"}},
        {"[::1]:8080", {"http://[::1]:8080"}, {"http://[::2]:8080", "http://::1:8080"}},
        {"chrome-extension://abcdef",
         {"chrome-extension://abcdef"},
         {"chrome-extension://abcde", "moz-extension://abcdef"}},
    };
    for (const Row& row : rows) {
        for (const char* origin : row.allowed) {
            EXPECT_TRUE(matches(row.pattern, origin)) << row.pattern << " " << origin;
        }
        for (const char* origin : row.refused) {
            EXPECT_FALSE(matches(row.pattern, origin)) << row.pattern << " " << origin;
        }
    }
}

TEST(Origin, WhatIsNoPattern) {
    for (const char* text :
         {"", "*", "*.", "a.*.example", "*a.example", "https://", "://a", "a/path", "a/", "a:0",
          "a:65536", "a:port", "a:", "a b", "a,b", "null", "https://a.example/?x", "user@a"}) {
        OriginPattern pattern;
        EXPECT_NE(parse_origin_pattern(text, pattern), nullptr) << text;
    }
}

TEST(Origin, TheSameHost) {
    const OriginPolicy same{false, true, 0, nullptr};
    const auto allowed = [&](const char* origin, const char* host, bool tls) {
        return origin_allowed(same, origin, host, tls);
    };
    EXPECT_TRUE(allowed("https://chat.example", "chat.example", true));
    EXPECT_TRUE(allowed("https://chat.example:8443", "chat.example:8443", true));
    EXPECT_TRUE(allowed("http://chat.example", "chat.example", false));
    EXPECT_TRUE(allowed("https://chat.example", "chat.example", false))
        << "TLS ends in front of us";
    EXPECT_TRUE(allowed("https://Chat.Example", "chat.example:443", true));
    EXPECT_FALSE(allowed("http://chat.example", "chat.example", true));
    EXPECT_FALSE(allowed("https://chat.example:8443", "chat.example", true));
    EXPECT_FALSE(allowed("https://chat.example", "chat.example:8443", true));
    EXPECT_FALSE(allowed("https://evil.example", "chat.example", true));
    EXPECT_FALSE(allowed("https://chat.example", "", true));
    EXPECT_FALSE(allowed("null", "null", true));
}

TEST(Origin, AnyTakesEverything) {
    const OriginPolicy any{true, false, 0, nullptr};
    for (const char* origin : {"null", "", "https://evil.example", "rubbish"}) {
        EXPECT_TRUE(origin_allowed(any, origin, "chat.example", true));
    }
}

} // namespace
} // namespace mr

// Resume tokens: accepted for their session, subject and time only; any changed character is
// refused.
#include "shared/token.h"

#include <gtest/gtest.h>

#include <string>

namespace mr {
namespace {

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kSession = "0123abcd-4567-4abc-89ab-0123456789ab";
constexpr uint64_t kExpiry = 2000000000;

std::string protocol(std::string_view subject = "", std::string_view position = "17-4") {
    TokenText token;
    EXPECT_TRUE(make_resume_token(token, kSecret, kSession, subject, kExpiry));
    return std::string(kResumeProtocolPrefix) + std::string(token.view()) + "." +
           std::string(position);
}

TEST(ResumeToken, RoundTrip) {
    for (const std::string_view subject :
         {std::string_view(""), std::string_view("user@example")}) {
        const std::string text = protocol(subject);
        const auto resume = check_resume_protocol(text, kSecret, subject, kExpiry - 1);
        ASSERT_TRUE(resume.has_value());
        EXPECT_EQ(resume->session_id, kSession);
        EXPECT_EQ(resume->cursor, (EventId{17, 4}));
    }
}

TEST(ResumeToken, OnlySubprotocolTokenCharacters) {
    for (const char c : protocol("somebody")) {
        EXPECT_TRUE(isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_')
            << c;
    }
}

TEST(ResumeToken, RefusesEveryChangedCharacterBeforeThePosition) {
    const std::string good = protocol();
    const size_t signed_length = good.size() - std::string_view("17-4").size();
    for (size_t i = 0; i < signed_length; ++i) {
        for (const char c : {'0', 'f', 'A', '.', '-'}) {
            std::string bad = good;
            if (bad[i] == c) {
                continue;
            }
            bad[i] = c;
            EXPECT_FALSE(check_resume_protocol(bad, kSecret, "", 1).has_value()) << bad;
        }
    }
    for (size_t length = 0; length < good.size() - 1; ++length) {
        EXPECT_FALSE(check_resume_protocol(good.substr(0, length), kSecret, "", 1).has_value() &&
                     length < signed_length + 3);
    }
}

TEST(ResumeToken, BoundToSubjectSecretAndTime) {
    const std::string text = protocol("alice");
    EXPECT_TRUE(check_resume_protocol(text, kSecret, "alice", kExpiry - 1).has_value());
    EXPECT_FALSE(check_resume_protocol(text, kSecret, "alice", kExpiry).has_value());
    EXPECT_FALSE(check_resume_protocol(text, kSecret, "bob", 1).has_value());
    EXPECT_FALSE(check_resume_protocol(text, kSecret, "", 1).has_value());
    EXPECT_FALSE(check_resume_protocol(text, "another secret of length", "alice", 1).has_value());
}

TEST(ResumeToken, BadPositions) {
    for (const char* position : {"", "1", "1-", "-1", "x-1", "1-1-1", "01-1"}) {
        EXPECT_FALSE(check_resume_protocol(protocol("", position), kSecret, "", 1).has_value())
            << position;
    }
}

} // namespace
} // namespace mr

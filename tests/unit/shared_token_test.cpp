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

TEST(ResumeToken, RefusesEveryFlippedBitBeforeThePosition) {
    const std::string good = protocol("alice");
    ASSERT_TRUE(check_resume_protocol(good, kSecret, "alice", kExpiry - 1).has_value());
    const size_t signed_length = good.size() - std::string_view("17-4").size();
    for (size_t i = 0; i < signed_length; ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string bad = good;
            bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
            EXPECT_FALSE(check_resume_protocol(bad, kSecret, "alice", 1).has_value())
                << "bit " << bit << " of character " << i;
        }
    }
}

TEST(ResumeToken, RefusesEveryTruncationAndEveryPieceLeftOut) {
    const std::string good = protocol();
    const size_t last_needed = good.size() - 1; // "17-" is no position, "17-4" is one
    for (size_t length = 0; length <= last_needed; ++length) {
        EXPECT_FALSE(check_resume_protocol(good.substr(0, length), kSecret, "", 1).has_value())
            << length;
    }
    const size_t signed_length = good.size() - std::string_view("17-4").size();
    for (size_t at = 0; at < signed_length; ++at) {
        std::string bad = good;
        bad.erase(at, 1);
        EXPECT_FALSE(check_resume_protocol(bad, kSecret, "", 1).has_value()) << at;
    }
}

// Two tokens of one secret: no part of the one makes the other valid.
TEST(ResumeToken, SignaturesBelongToTheirSessionAndExpiry) {
    constexpr std::string_view kOther = "0123abcd-4567-4abc-89ab-0123456789ac";
    const auto token = [](std::string_view session, uint64_t expiry) {
        TokenText text;
        EXPECT_TRUE(make_resume_token(text, kSecret, session, "", expiry));
        return std::string(text.view());
    };
    const std::string mine = token(kSession, kExpiry);
    const std::string other = token(kOther, kExpiry);
    const std::string later = token(kSession, kExpiry + 1);
    const size_t mac_at = mine.size() - kTokenMacChars;
    const auto accepted = [](const std::string& text) {
        const std::string whole = std::string(kResumeProtocolPrefix) + text + ".0-0";
        return check_resume_protocol(whole, kSecret, "", 1).has_value();
    };
    EXPECT_TRUE(accepted(mine) && accepted(other) && accepted(later));
    for (const std::string& stranger : {other, later}) {
        EXPECT_FALSE(accepted(mine.substr(0, mac_at) + stranger.substr(mac_at)));
        EXPECT_FALSE(accepted(stranger.substr(0, mac_at) + mine.substr(mac_at)));
    }
}

TEST(ResumeToken, ARotatedSecretEndsAllTokensOfTheOldOne) {
    const std::string text = protocol();
    for (size_t i = 0; i < kSecret.size(); ++i) {
        std::string rotated(kSecret);
        rotated[i] = static_cast<char>(rotated[i] ^ 1);
        EXPECT_FALSE(check_resume_protocol(text, rotated, "", 1).has_value()) << i;
    }
    EXPECT_FALSE(check_resume_protocol(text, std::string(kSecret) + "0", "", 1).has_value());
    EXPECT_FALSE(check_resume_protocol(text, kSecret.substr(1), "", 1).has_value());
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

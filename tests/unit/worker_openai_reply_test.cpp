// What a provider's events and replies say, whatever they are made of.
#include "worker/providers/openai/chat_reply.h"

#include <gtest/gtest.h>

namespace mr::openai {
namespace {

std::string with_content(const std::string& content) {
    return R"({"choices":[{"delta":{"content":)" + content + "}}]}";
}

TEST(ChatReply, TextInOnePieceOrInParts) {
    EXPECT_EQ(parse_event(with_content(R"("a")"))->text, "a");
    EXPECT_EQ(parse_event(with_content(R"([{"text":"a"},{"type":"x"},7,{"text":"b"}])"))->text,
              "ab");
    EXPECT_EQ(parse_event(with_content("7"))->text, "");
}

// Parts are no deeper than one level: what reads them has a stack of its own to keep.
TEST(ChatReply, DeepNestingIsNoText) {
    constexpr int kDepth = 500; // two levels each
    std::string content;
    for (int i = 0; i < kDepth; ++i) {
        content += R"([{"text":)";
    }
    content += R"("deep")";
    for (int i = 0; i < kDepth; ++i) {
        content += "}]";
    }
    const auto piece = parse_event(with_content(content));
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->text, "");
}

} // namespace
} // namespace mr::openai

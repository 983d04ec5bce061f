// parse_known: what json::parse gives, without what nobody reads.
#include "worker/providers/known_json.h"

#include <gtest/gtest.h>

namespace mr::test {
namespace {

using nlohmann::json;

constexpr std::string_view kNames[] = {"a", "b", "list", "text"};

json known(std::string_view text) {
    return parse_known(text, kNames);
}

TEST(KnownJson, KeepsWhatIsKnownAtAnyDepth) {
    struct Case {
        std::string_view text;
        std::string_view kept;
    };
    const Case cases[] = {
        {R"({"a":1,"x":2,"b":"t"})", R"({"a":1,"b":"t"})"},
        {R"({"a":{"b":[{"text":"t","x":[1,{"a":1}]}]}})", R"({"a":{"b":[{"text":"t"}]}})"},
        {R"({"x":{"a":{"b":1}},"a":2})", R"({"a":2})"},
        {R"({"x":[[{"a":1}],[]],"list":[1,-2,0.5,true,null,"s",[],{}]})",
         R"({"list":[1,-2,0.5,true,null,"s",[],{}]})"},
        {R"({"a":null,"b":{"a":null}})", R"({"b":{}})"},
        {R"({"a":1,"a":2})", R"({"a":2})"},
        {R"([{"a":1,"x":1},{"x":1},3])", R"([{"a":1},{},3])"},
        {R"({"a":null,"x":1,"b":{"x":null}})", R"({"b":{}})"},
        {R"({"text":"Gr\u00f6\u00dfe \ud83d\ude42"})", R"({"text":"Größe 🙂"})"},
        {"5", "5"},
        {"\"s\"", "\"s\""},
        {"null", "null"},
        {"{}", "{}"},
        {" [ ] ", "[]"},
    };
    for (const Case& one : cases) {
        EXPECT_EQ(known(one.text), json::parse(one.kept)) << one.text;
    }
    EXPECT_EQ(known(R"({"a":18446744073709551615})")["a"].get<std::uint64_t>(), UINT64_MAX);
    EXPECT_TRUE(known(R"({"a":-1})")["a"].is_number_integer());
}

TEST(KnownJson, WhatIsNoJsonIsDiscarded) {
    for (const std::string_view text :
         {"", " ", "{", "[1,", "{\"a\":}", "{\"x\":[}", "[DONE]", "{} {}", "{\"a\":1}x", "nul",
          "{\"x\":\"\xFF\"}", "{'a':1}", "{\"a\":1,}"}) {
        EXPECT_TRUE(known(text).is_discarded()) << text;
    }
}

TEST(KnownJson, DepthIsBounded) {
    std::string deep;
    for (std::size_t i = 0; i < 4 * kMaxKnownDepth; ++i) {
        deep += R"({"a":)";
    }
    deep += "1" + std::string(4 * kMaxKnownDepth, '}');
    json value = known(deep);
    std::size_t depth = 0;
    for (const json* at = &value; at->is_object(); at = &at->begin().value()) {
        ++depth;
        if (at->empty()) {
            break;
        }
    }
    EXPECT_EQ(depth, kMaxKnownDepth);
    const auto lists = [](std::size_t count) {
        return known(std::string(count, '[') + std::string(count, ']'));
    };
    EXPECT_EQ(lists(kMaxTextDepth - 1).size(), 1U);
    EXPECT_TRUE(lists(100 * kMaxTextDepth).is_discarded());
    EXPECT_TRUE(known(std::string(100 * kMaxTextDepth, '[')).is_discarded());
}

} // namespace
} // namespace mr::test

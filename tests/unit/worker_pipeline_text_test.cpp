// Odd input and whole output: any bytes in, whole code points out.
#include "tests/unit/worker_pipeline_fakes.h"

#include <gtest/gtest.h>

namespace mr::test {
namespace {

bool whole_code_points(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size()) {
        const auto c = static_cast<unsigned char>(text[i]);
        const std::size_t length = c < 0x80       ? 1
                                   : c >> 5 == 6  ? 2
                                   : c >> 4 == 14 ? 3
                                   : c >> 3 == 30 ? 4
                                                  : 0;
        if (length == 0 || i + length > text.size()) {
            return false;
        }
        for (std::size_t k = 1; k < length; ++k) {
            if ((static_cast<unsigned char>(text[i + k]) & 0xC0U) != 0x80U) {
                return false;
            }
        }
        i += length;
    }
    return true;
}

TEST(PipelineText, PiecesAreWholeCodePointsWhateverTheQuestion) {
    ServiceSettings stubbed;
    stubbed.stub_openai = true;
    auto stub = demo_services(stubbed);
    auto plain = demo_services();
    const std::vector<std::string> questions = {
        "¿Cuánto facturamos en Harbor Point? — “señor”, 日本語の質問 😀 für Häuser",
        "日本語の質問です😀😀😀日本語の質問です",
        "Häufig gefragt: wie viel wurde für Harbor Point berechnet? Größe ½ … 😀",
        "\xE2\x80\x9CHow much\xE2\x80\x9D have we invoiced on Harbor Point?",
        "İstanbul ile ilgili bir soru",
        "   ?   ",
        "'; DROP TABLE projects; --",
        "How much have we invoiced on \"Harbor Point\"; and what's open?",
        std::string("\x01\x02 Harbor\tPoint\nbudget"),
    };
    for (const std::string& question : questions) {
        for (Services* services : {stub.get(), plain.get()}) {
            RecordingHost host;
            const Ran ran = run(ask(question), *services, host);
            ASSERT_EQ(ran.error, nullptr) << question;
            for (const Recorded& piece : host.of_type("text_chunk")) {
                EXPECT_TRUE(whole_code_points(piece.v1["content"].get<std::string>())) << question;
            }
            EXPECT_EQ(wire_violations(host), std::vector<std::string>{}) << question;
        }
    }
}

TEST(PipelineText, LongQuestionsAreAnswered) {
    auto services = demo_services();
    std::string names;
    while (names.size() < 10'000) {
        names += "Please tell me how much we have invoiced on the Harbor Point project, thanks. ";
    }
    std::string noise;
    while (noise.size() < 10'000) {
        noise += "qwertz uiop ";
    }
    for (const std::string& question :
         {names, noise, std::string(10'000, 'a'), std::string(10'000, '?')}) {
        RecordingHost host;
        const Ran ran = run(ask(question), *services, host);
        ASSERT_EQ(ran.error, nullptr);
        EXPECT_EQ(wire_violations(host), std::vector<std::string>{});
        EXPECT_FALSE(host.answer.empty());
    }
    RecordingHost host;
    run(ask(names), *services, host);
    EXPECT_NE(host.answer.find("45,368,414"), std::string::npos);
}

TEST(PipelineText, DevelopmentModeAnswersAsTheOriginalDid) {
    ServiceSettings settings;
    settings.stub_openai = true;
    auto services = demo_services(settings);
    RecordingHost host;
    ASSERT_EQ(run(ask(kQuestion), *services, host).error, nullptr);
    EXPECT_TRUE(host.answer.starts_with("[DEVELOPMENT MODE]\n\nYour question: " + kQuestion +
                                        "\n\n**Summary:** "));
    EXPECT_NE(host.answer.find("\n\n**Insights:**\n- "), std::string::npos);
    EXPECT_GT(host.of_type("text_chunk").size(), 10U) << "word by word";
}

TEST(PipelineText, HistoryOfAnyShapeIsHarmless) {
    auto services = demo_services();
    for (const nlohmann::json& memory :
         {nlohmann::json(), nlohmann::json(3), nlohmann::json::array({1}),
          nlohmann::json{{"projects", 5}}, nlohmann::json{{"projects", {{{"name", 1}}}}},
          nlohmann::json{{"query", {{"intent", "x"}}}}, nlohmann::json{{"documents", 7}}}) {
        TurnRequest request = ask("and compared with last year?");
        request.history = {{"user", kQuestion, nullptr}, {"assistant", "x", memory}};
        RecordingHost host;
        EXPECT_EQ(run(std::move(request), *services, host).error, nullptr) << memory.dump();
        EXPECT_EQ(wire_violations(host), std::vector<std::string>{});
    }
}

} // namespace
} // namespace mr::test

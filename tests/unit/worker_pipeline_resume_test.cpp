// A turn goes on from its checkpoints: the same rest, nothing twice.
#include "tests/unit/worker_pipeline_fakes.h"

#include <gtest/gtest.h>

namespace mr::test {
namespace {

std::vector<std::string> v1_texts(const std::vector<Recorded>& events, std::size_t from) {
    std::vector<std::string> texts;
    for (std::size_t i = from; i < events.size(); ++i) {
        texts.push_back(events[i].v1.dump());
    }
    return texts;
}

// Runs the tools one after the other, so that two runs can be compared event by event.
TEST(PipelineResume, FromEveryCheckpointGivesTheSameRest) {
    ServiceSettings settings;
    settings.sql_threads = 1;
    auto services = demo_services(settings);
    for (const std::string& question :
         {kQuestion, std::string("Invoiced per year"), std::string("Hello"),
          std::string("Who is our contact at Seabright Development Partners?"),
          std::string("How much did we invoice on the Silver Lake Tower project?")}) {
        RecordingHost whole;
        const Ran first = run(ask(question), *services, whole);
        ASSERT_EQ(first.error, nullptr);
        ASSERT_GE(whole.checkpoints.size(), 3U);
        for (std::size_t k = 0; k < whole.checkpoints.size(); ++k) {
            SCOPED_TRACE(question + ", checkpoint " + std::to_string(k));
            TurnRequest request = ask(question);
            // As it comes back from storage.
            request.resume_state = nlohmann::json::parse(whole.checkpoints[k].dump());
            RecordingHost host;
            const Ran again = run(std::move(request), *services, host);
            ASSERT_EQ(again.error, nullptr);
            EXPECT_EQ(host.answer, whole.answer);
            EXPECT_EQ(again.result.sources, first.result.sources);
            EXPECT_EQ(again.result.memory, first.result.memory);
            auto rest = v1_texts(whole.events, whole.events_at_checkpoint[k]);
            auto got = v1_texts(host.events, 0);
            // Tools that had started beside the finished one are announced again.
            while (got.size() > rest.size() &&
                   got.front().starts_with("{\"type\":\"tool_start\"")) {
                got.erase(got.begin());
            }
            EXPECT_EQ(got, rest);
        }
    }
}

TEST(PipelineResume, ContinuesBehindTheDeliveredText) {
    auto services = demo_services();
    RecordingHost whole;
    const Ran first = run(ask(kQuestion), *services, whole);
    ASSERT_EQ(first.error, nullptr);
    const std::string& answer = whole.answer;
    for (std::size_t cut = 1; cut < answer.size(); cut += 7) {
        TurnRequest request = ask(kQuestion);
        request.resume_state = whole.checkpoints.back();
        RecordingHost host;
        host.delivered = answer.substr(0, cut);
        const Ran again = run(std::move(request), *services, host);
        EXPECT_EQ(host.delivered + host.answer, answer);
        EXPECT_EQ(again.error, nullptr);
        EXPECT_TRUE(host.of_type("phase_start").empty());
        EXPECT_FALSE(again.result.timings.contains("first_token_ms"));
    }
}

TEST(PipelineResume, ADamagedStateStartsAnew) {
    auto services = demo_services();
    for (const nlohmann::json& state :
         {nlohmann::json(7), nlohmann::json::array(), nlohmann::json::object(),
          nlohmann::json{{"v", 1}}, nlohmann::json{{"v", 99}, {"stage", 4}},
          nlohmann::json{{"v", 1}, {"stage", 77}}, nlohmann::json{{"v", 1}, {"stage", "x"}}}) {
        TurnRequest request = ask(kQuestion);
        request.resume_state = state;
        RecordingHost host;
        EXPECT_EQ(run(std::move(request), *services, host).error, nullptr);
        EXPECT_EQ(wire_violations(host), std::vector<std::string>{}) << state.dump();
    }
}

TEST(PipelineResume, ALostSessionEndsTheTurnAtOnce) {
    struct Lost : std::runtime_error {
        Lost() : std::runtime_error("lost") {}
    };
    auto services = demo_services();
    RecordingHost whole;
    ASSERT_EQ(run(ask(kQuestion), *services, whole).error, nullptr);
    for (std::size_t k = 1; k <= whole.checkpoints.size(); ++k) {
        RecordingHost host;
        host.at_checkpoint = [k](std::size_t number) {
            if (number == k) {
                throw Lost();
            }
        };
        const Ran ran = run(ask(kQuestion), *services, host);
        ASSERT_NE(ran.error, nullptr);
        EXPECT_THROW(std::rethrow_exception(ran.error), Lost);
        EXPECT_EQ(host.checkpoints.size(), k);
    }
}

} // namespace
} // namespace mr::test

// Projects that are not the embedded ones: the list of them, and the names they are found by.
#include "worker/providers/directory/project_list.h"

#include <gtest/gtest.h>

namespace mr::directory {
namespace {

constexpr const char* kList = R"([
    {"id": "p-1", "name": "North Pier Terminal", "code": "NPT-07", "aliases": ["the ferry job"]},
    {"id": 42, "name": "Quarry Hill School"},
    {"id": "p-3", "name": "Quarry Hill Library", "code": "QHL", "aliases": [null, 7, ""]}])";

std::vector<std::string> best(const ProjectList& list, const std::string& name) {
    std::vector<std::string> ids;
    const std::vector<ProjectMatch> matches = list.lookup({name});
    for (const ProjectCandidate& one : matches.front().candidates) {
        if (one.score >= 0.84) {
            ids.push_back(one.project.id);
        }
    }
    return ids;
}

TEST(ProjectList, FindsThemByAnyOfTheirNames) {
    const ProjectList list = parse_project_list(kList);
    ASSERT_EQ(list.size(), 3U);
    using Ids = std::vector<std::string>;
    for (const auto& [name, ids] : std::vector<std::pair<std::string, Ids>>{
             {"North Pier Terminal", {"p-1"}},
             {"north pier", {"p-1"}},
             {"North Peir Terminal", {"p-1"}},
             {"the North Pier Terminal project", {"p-1"}},
             {"NPT-07", {"p-1"}},
             {"npt-07", {"p-1"}},
             {"Ferry Job", {"p-1"}},
             {"Quarry Hill School", {"42"}},
             {"QHL", {"p-3"}},
             {"Silver Lake Tower", {}},
             {"Terminal", {}},
             {"", {}},
         }) {
        EXPECT_EQ(best(list, name), ids) << name;
    }
    EXPECT_EQ(best(list, "Quarry").size(), 2U) << "both are meant";
    EXPECT_EQ(best(list, "Quarry Hill").size(), 2U) << "both are meant";
}

TEST(ProjectList, MatchesComeInTheOrderOfTheNames) {
    const auto matches = parse_project_list(kList).lookup({"nobody", "QHL"});
    ASSERT_EQ(matches.size(), 2U);
    EXPECT_EQ(matches[0].name, "nobody");
    EXPECT_TRUE(matches[0].candidates.empty());
    EXPECT_EQ(matches[1].candidates.front().project.code, "QHL");
}

TEST(ProjectList, SaysWhatIsWrongWithIt) {
    const auto trouble = [](const std::string& text) -> std::string {
        try {
            parse_project_list(text);
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_NE(trouble("{}").find("no JSON array"), std::string::npos);
    EXPECT_NE(trouble("[1").find("no JSON array"), std::string::npos);
    EXPECT_NE(trouble(R"([{"id":"1","name":"a"},{"id":"2"}])").find("project 2"),
              std::string::npos);
    EXPECT_NE(trouble(R"([{"name":"a"}])").find("project 1"), std::string::npos);
    EXPECT_NE(trouble(R"([{"id":"1","name":"a"},{"id":1,"name":"b"}])").find("the id 1"),
              std::string::npos);
    EXPECT_EQ(trouble("[]"), "");
}

} // namespace
} // namespace mr::directory

// Summaries that cite documents: their numbers become those of the turn's sources, wherever the
// summary is used.
#include "tests/unit/worker_loop.h"
#include "worker/providers/citations.h"
#include "worker/providers/evidence.h"
#include "worker/providers/local/embedded.h"

namespace mr::test {
namespace {

DocumentHits summarised(const std::string& summary) {
    DocumentHits hits;
    for (const char* id : {"a", "b", "c"}) {
        Document document;
        document.id = id;
        document.title = std::string("Title ") + id;
        hits.documents.push_back(document);
    }
    hits.total = 3;
    hits.summary = summary;
    return hits;
}

std::vector<Source> sources_with(const std::vector<std::string>& ids) {
    std::vector<Source> sources;
    for (const std::string& id : ids) {
        Source source;
        source.id = id;
        source.title = "Title " + id;
        sources.push_back(source);
    }
    return sources;
}

TEST(Citations, NumbersAreReplacedAndTheRestStays) {
    const auto doubled = [](std::size_t number) { return number < 5 ? 2 * number : 0; };
    const std::pair<std::string, std::string> cases[] = {
        {"a [1] b [2, 3].", "a [2] b [4][6]."},
        {"a [1,1].", "a [2]."},
        {"a [9]. b", "a. b"},
        {"a [1, 9]", "a [2]"},
        {"[] [x] [1", "[] [x] [1"},
        {"[1 [2]", "[1 [4]"},
        {"[ 1 ]", "[2]"},
        {"[99999999999999999999999]", ""},
        {"", ""},
    };
    for (const auto& [text, wanted] : cases) {
        EXPECT_EQ(with_citations(text, doubled), wanted) << text;
    }
    EXPECT_EQ(with_citations("a*[1]*", doubled,
                             [](std::string_view text) { return "<" + std::string(text) + ">"; }),
              "<a*>[2]<*>");
}

TEST(Citations, ASummaryCitesTheSources) {
    const DocumentHits hits = summarised("First [1]. Third [3]. Lost [2].");
    EXPECT_EQ(cited_summary(hits, sources_with({"x", "c", "a"})), "First [3]. Third [2]. Lost.");
    EXPECT_EQ(cited_summary(hits, {}), "First. Third. Lost.");
}

TEST(Citations, ModelsAreToldTheSummary) {
    ToolFinding finding;
    finding.tool = kToolDocuments;
    finding.status = "ok";
    finding.documents = summarised("It leaked [2].");
    const Question question;
    const ProjectScope scope;
    const RoutePlan plan;
    const MergedFindings merged;
    const std::vector<ToolFinding> findings{finding};
    const std::vector<Source> sources = sources_with({"z", "b"});
    const AnswerRequest request{question, scope, plan, findings, merged, sources, ""};
    EXPECT_NE(evidence_text(request).find("What the search says of them: It leaked [2].\n"),
              std::string::npos)
        << evidence_text(request);
}

TEST(Citations, ACheckpointKeepsTheSummary) {
    const nlohmann::json saved = summarised("It leaked [2].");
    EXPECT_EQ(saved.get<DocumentHits>().summary, "It leaked [2].");
    nlohmann::json older = saved;
    older.erase("summary");
    EXPECT_EQ(older.get<DocumentHits>().summary, "");
    EXPECT_EQ(older.get<DocumentHits>().documents.size(), 3u);
}

Task<void> merge_into(Merger& merger, const MergeRequest& request, MergedFindings& merged) {
    CallContext call;
    merged = co_await merger.merge(request, call);
}

// What others than the embedded providers find may lack a date, or hold a text for an amount.
TEST(Citations, TheEmbeddedMergeTakesWhatOthersHaveFound) {
    ToolFinding documents;
    documents.tool = kToolDocuments;
    documents.status = "ok";
    documents.documents = summarised("It leaked [2].");
    ToolFinding crm;
    crm.tool = kToolCrm;
    crm.status = "ok";
    CrmRecord deal;
    deal.type = "deal";
    deal.title = "Roof";
    deal.properties = {{"Amount", "much"}};
    crm.crm.records = {deal};
    crm.crm.total = 1;
    const Question question;
    const ProjectScope scope;
    const std::vector<ToolFinding> findings{documents, crm};
    const MergeRequest request{question, scope, findings};
    const auto merger = local::make_merger();
    MergedFindings merged;
    Loop loop;
    loop.run(merge_into(*merger, request, merged));
    EXPECT_EQ(merged.summary, "3 documents found. It leaked. 1 CRM records found.");
    EXPECT_TRUE(merged.insights.empty()) << merged.insights.front();
}

} // namespace
} // namespace mr::test

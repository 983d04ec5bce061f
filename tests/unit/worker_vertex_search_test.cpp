// Vertex AI Search against a scripted server: what is asked, how replies are read, and that a
// project filter is kept or the search fails.
#include "tests/unit/worker_scope.h"
#include "tests/unit/worker_scripted_api.h"
#include "worker/providers/vertex_search/wire.h"

namespace mr::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using vertex_search::Options;

const std::string kToken = "ya29.secret-4711";
const std::string kConfig =
    "/v1/projects/p-1/locations/eu/collections/c/engines/e/servingConfigs/s";

json result(const std::string& id, const json& project = nullptr) {
    json document;
    document["id"] = id;
    document["structData"] = {{"project_code", project}, {"date", "2026-03-01T10:00:00Z"}};
    document["derivedStructData"] = {
        {"title", "Title " + id},
        {"link", "gs://bucket/dir/" + id + " a.pdf"},
        {"snippets", json::array({{{"snippet", "a <b>hit</b>&nbsp;&amp; more"},
                                   {"snippet_status", "SUCCESS"}}})}};
    json out;
    out["id"] = id;
    out["document"] = std::move(document);
    return out;
}

json found(std::vector<json> results, const json& total) {
    json reply;
    reply["results"] = std::move(results);
    reply["totalSize"] = total;
    return reply;
}

json error(const std::string& message, const json& details = json::array(),
           const std::string& status = "INVALID_ARGUMENT") {
    json reply;
    reply["error"] = {{"message", message}, {"status", status}, {"details", details}};
    return reply;
}

struct Documents : ScriptedApi {
    explicit Documents(std::vector<std::string> all) : ScriptedApi(std::move(all)) {
        options.endpoint.base_url = server.url(kConfig);
        options.project_field = "project_code";
        options.storage_url = "https://storage.example";
        options.retry_base = milliseconds(1);
    }

    std::unique_ptr<DocumentSearch> client() const {
        return vertex_search::make_document_search(
            std::make_shared<net::HttpClient>(),
            make_key_credential("Authorization: Bearer ", kToken), options);
    }
    DocumentHits ask(const std::string& input, const ProjectScope& scope) {
        const auto search = client();
        const Question question;
        CallContext context = call();
        return result_of(search->search(question, input, scope, context));
    }
    ProviderFault fault(const std::string& input, const ProjectScope& scope) {
        return fault_of([&] { ask(input, scope); }, kToken);
    }

    Options options;
};

TEST(VertexSearch, TheRequestIsThatOfTheOptions) {
    Documents documents({http_json(found({}, 0))});
    documents.options.user_project = "quota-1";
    documents.options.language = "en";
    documents.options.expand_query = true;
    documents.options.correct_spelling = true;
    documents.options.summary_preamble = "Be brief.";
    documents.options.summary_model = "stable";
    documents.options.extracts = 2;
    documents.options.page_size = 7;
    documents.ask("waterproofing at the harbor", ProjectScope());
    ASSERT_EQ(documents.requests.size(), 1u);
    const std::string& request = documents.requests[0];
    EXPECT_TRUE(request.starts_with("POST " + kConfig + ":search HTTP/1.1")) << request;
    EXPECT_NE(request.find("Authorization: Bearer " + kToken), std::string::npos);
    EXPECT_NE(request.find("x-goog-user-project: quota-1"), std::string::npos);
    EXPECT_EQ(documents.body(0), json::parse(R"({
        "query":"waterproofing at the harbor","pageSize":7,"languageCode":"en",
        "queryExpansionSpec":{"condition":"AUTO"},"spellCorrectionSpec":{"mode":"AUTO"},
        "contentSearchSpec":{"snippetSpec":{"returnSnippet":true},
          "extractiveContentSpec":{"maxExtractiveAnswerCount":2},
          "summarySpec":{"summaryResultCount":5,"includeCitations":true,
            "ignoreAdversarialQuery":true,"ignoreNonSummarySeekingQuery":false,
            "ignoreLowRelevantContent":true,"modelPromptSpec":{"preamble":"Be brief."},
            "languageCode":"en","modelSpec":{"version":"stable"}}}})"));
}

TEST(VertexSearch, WhatIsOffIsNotAskedFor) {
    Documents documents({http_json(found({}, 0))});
    documents.options.summary = false;
    documents.ask("anything", ProjectScope());
    EXPECT_EQ(documents.body(0), json::parse(R"({"query":"anything","pageSize":10,
        "queryExpansionSpec":{"condition":"DISABLED"},
        "spellCorrectionSpec":{"mode":"SUGGESTION_ONLY"},
        "contentSearchSpec":{"snippetSpec":{"returnSnippet":true}}})"));
    EXPECT_EQ(documents.requests[0].find("x-goog-user-project"), std::string::npos);
}

TEST(VertexSearch, ADocumentIsReadWhole) {
    Documents documents({http_json(found({result("d1", "HP-1")}, "31"))});
    const DocumentHits hits = documents.ask("hits", ProjectScope());
    EXPECT_EQ(hits.total, 31);
    EXPECT_EQ(hits.query, "hits");
    EXPECT_EQ(hits.summary, "");
    ASSERT_EQ(hits.documents.size(), 1u);
    const Document& document = hits.documents[0];
    EXPECT_EQ(document.id, "d1");
    EXPECT_EQ(document.title, "Title d1");
    EXPECT_EQ(document.url, "https://storage.example/bucket/dir/d1%20a.pdf");
    EXPECT_EQ(document.snippet, "a hit & more");
    EXPECT_EQ(document.date, "2026-03-01");
    EXPECT_EQ(document.project, "HP-1");
}

TEST(VertexSearch, MissingAndOddFieldsAreNoFailure) {
    json bare;
    bare["document"] = {{"name", "projects/1/documents/last"}};
    json odd = result("d2");
    odd["document"]["structData"] = {
        {"url", "javascript:alert(1)"}, {"type", {{"x", 1}}}, {"date", 7}};
    odd["document"]["derivedStructData"] = json::parse(R"({"link":"https://x.example/a/b.html",
        "snippets":[{"snippet":"none","snippet_status":"NO_SNIPPET_AVAILABLE"}],
        "extractive_answers":[{"pageNumber":3,"content":"What it says."}]})");
    Documents documents({http_json(found({bare, odd, json(7)}, nullptr))});
    const DocumentHits hits = documents.ask("hits", ProjectScope());
    ASSERT_EQ(hits.documents.size(), 3u);
    EXPECT_EQ(hits.total, 3);
    EXPECT_EQ(hits.documents[0].id, "last");
    EXPECT_EQ(hits.documents[0].title, "last");
    EXPECT_EQ(hits.documents[0].url, "");
    EXPECT_EQ(hits.documents[1].title, "b.html");
    EXPECT_EQ(hits.documents[1].url, "https://x.example/a/b.html");
    EXPECT_EQ(hits.documents[1].snippet, "What it says.");
    EXPECT_EQ(hits.documents[2].id, "document-3");
    Documents none({http_answer("{}")});
    EXPECT_TRUE(none.ask("hits", ProjectScope()).documents.empty());
    Documents formless({http_answer(R"({"results":"no"})")});
    EXPECT_EQ(formless.fault("hits", ProjectScope()), ProviderFault::bad_reply);
}

TEST(VertexSearch, HtmlBecomesPlainText) {
    const auto plain = vertex_search::plain_text;
    EXPECT_EQ(plain("a <b>b</b>  c<br>d"), "a b c d");
    EXPECT_EQ(plain("&lt;b&gt; &quot;x&#39;s&quot; &#x20AC; 3 < 4 & &unknown; &#xD800;"),
              "<b> \"x's\" € 3 < 4 & &unknown; &#xD800;");
    EXPECT_EQ(plain("<script"), "<script");
    EXPECT_EQ(plain("&#;&;&"), "&#;&;&");
    EXPECT_EQ(plain(""), "");
}

TEST(VertexSearch, ProjectsInScopeAreFilteredByTheirField) {
    Documents documents(
        {http_json(found({result("d1", "HP-1"), result("d2", json::array({"X", "HP-1"}))}, 2))});
    const DocumentHits hits = documents.ask("hits", harbor_point());
    EXPECT_EQ(documents.body(0)["filter"], R"(project_code: ANY("HP-1"))");
    ASSERT_EQ(hits.documents.size(), 2u);
    EXPECT_EQ(hits.documents[0].project, "Harbor Point");
    EXPECT_EQ(vertex_search::filter_text("f", {R"(a"b\c)", "d"}), R"(f: ANY("a\"b\\c","d"))");
    Documents by_id({http_json(found({result("d1", 7)}, 1))});
    by_id.options.project_value = "id";
    EXPECT_EQ(by_id.ask("hits", harbor_point()).documents.size(), 1u);
    EXPECT_EQ(by_id.body(0)["filter"], R"(project_code: ANY("7"))");
}

TEST(VertexSearch, ADocumentOfAnotherProjectIsAnErrorNotAnAnswer) {
    for (const json& other : {json("XY-2"), json("hp-1"), json(nullptr), json::array()}) {
        Documents documents({http_json(found({result("d1", "HP-1"), result("d2", other)}, 2))});
        EXPECT_EQ(documents.fault("hits", harbor_point()), ProviderFault::filter) << other;
    }
}

TEST(VertexSearch, WhatCannotBeFilteredIsNotAsked) {
    Documents documents({});
    documents.options.project_field.clear();
    EXPECT_EQ(documents.fault("hits", harbor_point()), ProviderFault::filter);
    documents.options.project_field = "project_code";
    ProjectScope scope = harbor_point();
    scope.projects.resize(vertex_search::kMaxProjects + 1, scope.projects[0]);
    EXPECT_EQ(documents.fault("hits", scope), ProviderFault::filter);
    scope = harbor_point();
    scope.projects[0].code.clear();
    EXPECT_EQ(documents.fault("hits", scope), ProviderFault::filter);
    ProjectScope unknown;
    unknown.unknown.push_back({"Nowhere", {}});
    EXPECT_EQ(documents.fault("hits", unknown), ProviderFault::filter);
    EXPECT_TRUE(documents.requests.empty());
}

TEST(VertexSearch, AFilterThatIsRefusedIsNeverLeftOut) {
    Documents documents({http_json(error("Unknown field project_code"), "400 Bad Request")});
    EXPECT_EQ(documents.fault("hits", harbor_point()), ProviderFault::filter);
    EXPECT_EQ(documents.requests.size(), 1u);
}

json summarised(const std::string& text) {
    json reply = found({result("d1"), result("d2")}, 2);
    reply["summary"]["summaryText"] = text;
    return reply;
}

TEST(VertexSearch, TheSummaryCitesTheDocuments) {
    const std::string text = "First [1, 2]. Second [2]. Neither [9].";
    Documents plain({http_json(summarised(text))});
    EXPECT_EQ(plain.ask("hits", ProjectScope()).summary, "First [1][2]. Second [2]. Neither.");
    json reply = summarised(text);
    reply["summary"]["summaryWithMetadata"] = json::parse(R"({"summary":"without",
        "references":[{"document":"projects/1/documents/d2"},{"document":"projects/1/documents/d1"}]})");
    Documents swapped({http_json(reply)});
    EXPECT_EQ(swapped.ask("hits", ProjectScope()).summary, "First [2][1]. Second [1]. Neither.");
}

TEST(VertexSearch, ASkippedOrForeignSummaryIsNotUsed) {
    json reply = summarised("I am sorry, I cannot say.");
    reply["summary"]["summarySkippedReasons"] = {"NO_RELEVANT_CONTENT"};
    Documents skipped({http_json(reply)});
    EXPECT_EQ(skipped.ask("hits", ProjectScope()).summary, "");
    reply = found({result("d1", "HP-1")}, 1);
    reply["summary"] = json::parse(R"({"summaryText":"Of others [1].","summaryWithMetadata":
        {"references":[{"document":"projects/1/documents/other"}]}})");
    Documents foreign({http_json(reply), http_json(reply)});
    EXPECT_EQ(foreign.ask("hits", harbor_point()).summary, "");
    EXPECT_EQ(foreign.ask("hits", ProjectScope()).summary, "Of others.");
}

TEST(VertexSearch, WhatTheEditionHasNotIsLeftOutFromThenOn) {
    const std::string refused =
        http_json(error("Enterprise edition needed", json::array(), "FAILED_PRECONDITION"),
                  "400 Bad Request");
    Documents documents(
        {refused, http_json(found({result("d1")}, 1)), http_json(found({}, 0)), refused});
    const auto search = documents.client();
    const Question question;
    const ProjectScope scope;
    CallContext context = ScriptedApi::call();
    const DocumentHits hits = documents.result_of(search->search(question, "one", scope, context));
    EXPECT_EQ(hits.documents.size(), 1u);
    documents.result_of(search->search(question, "two", scope, context));
    ASSERT_EQ(documents.requests.size(), 3u);
    EXPECT_TRUE(documents.body(0)["contentSearchSpec"].contains("summarySpec"));
    EXPECT_FALSE(documents.body(1)["contentSearchSpec"].contains("summarySpec"));
    EXPECT_FALSE(documents.body(2)["contentSearchSpec"].contains("summarySpec"));
    EXPECT_THROW(documents.result_of(search->search(question, "three", scope, context)),
                 ProviderError)
        << "with nothing left to leave out it is a refusal";
}

TEST(VertexSearch, RefusalsHaveTheirFaultsAndTries) {
    const json soon = json::array({{{"@type", "RetryInfo"}, {"retryDelay", "0.01s"}}});
    const json late = json::array({{{"@type", "RetryInfo"}, {"retryDelay", "3600s"}}});
    const json today =
        json::array({{{"@type", "QuotaFailure"},
                      {"violations", json::array({{{"quotaId", "SearchPerDay"}}})}}});
    const struct {
        std::string answer;
        ProviderFault fault;
        std::size_t requests;
    } kRefusals[] = {
        {http_json(error("no", soon), "429 Too Many"), ProviderFault::rate_limited, 3},
        {http_json(error("no", late), "429 Too Many"), ProviderFault::rate_limited, 1},
        {http_json(error("no", today), "429 Too Many"), ProviderFault::rate_limited, 1},
        {http_json(json::array({error("no", soon)}), "503 Down"), ProviderFault::unavailable, 3},
        {http_answer("<html>", "504 Gateway Timeout"), ProviderFault::unavailable, 3},
        {http_answer("{}", "500 Server Error"), ProviderFault::unavailable, 3},
        {http_answer("{}", "501 Not Implemented"), ProviderFault::bad_request, 1},
        {http_json(error("no"), "400 Bad Request"), ProviderFault::bad_request, 1},
        {http_json(error("no"), "401 Unauthorized"), ProviderFault::bad_request, 1},
        {http_json(error("no"), "403 Forbidden"), ProviderFault::bad_request, 1},
        {http_json(error("no"), "404 Not Found"), ProviderFault::bad_request, 1},
        {http_answer("[]"), ProviderFault::bad_reply, 3},
        {http_answer("{\"results\":"), ProviderFault::bad_reply, 3},
    };
    for (const auto& refusal : kRefusals) {
        Documents documents(std::vector<std::string>(3, refusal.answer));
        EXPECT_EQ(documents.fault("hits", ProjectScope()), refusal.fault) << refusal.answer;
        EXPECT_EQ(documents.requests.size(), refusal.requests) << refusal.answer;
    }
}

// Its header is refused once.
class Renewing final : public Credential {
  public:
    Task<std::string> header(CallContext&) override {
        co_return "Authorization: Bearer " + std::to_string(made_);
    }
    bool refused() override {
        ++made_;
        return true;
    }
    std::string redacted(std::string text) const override { return text; }

  private:
    int made_ = 1;
};

TEST(VertexSearch, ARenewedTokenCostsNoneOfTheTries) {
    Documents documents({http_answer("{}", "401 Unauthorized"), http_answer("{}", "503 Down"),
                         http_json(found({result("d1")}, 1)), http_answer("{}", "401 Unauthorized"),
                         http_answer("{}", "401 Unauthorized")});
    documents.options.max_retries = 1;
    const auto search = vertex_search::make_document_search(
        std::make_shared<net::HttpClient>(), std::make_shared<Renewing>(), documents.options);
    const Question question;
    const ProjectScope scope;
    CallContext context = ScriptedApi::call();
    EXPECT_EQ(documents.result_of(search->search(question, "one", scope, context)).total, 1);
    EXPECT_NE(documents.requests.at(1).find("Bearer 2"), std::string::npos);
    EXPECT_THROW(documents.result_of(search->search(question, "two", scope, context)),
                 ProviderError)
        << "it is renewed once";
    EXPECT_EQ(documents.requests.size(), 5u);
}

TEST(VertexSearch, ASilentServerCostsTheTimeOfTheCall) {
    Documents documents({""});
    const auto search = documents.client();
    const Question question;
    const ProjectScope scope;
    CallContext context = ScriptedApi::call(milliseconds(50));
    try {
        documents.result_of(search->search(question, "hits", scope, context));
        ADD_FAILURE() << "no ProviderError";
    } catch (const ProviderError& error) {
        EXPECT_EQ(error.fault(), ProviderFault::timeout);
    }
}

TEST(VertexSearch, ACancelledSearchClosesItsConnection) {
    Documents documents({""});
    const auto search = documents.client();
    const Question question;
    const ProjectScope scope;
    CallContext context = ScriptedApi::call();
    EXPECT_TRUE(documents.ends_when_cancelled(search->search(question, "hits", scope, context)));
}

} // namespace
} // namespace mr::test

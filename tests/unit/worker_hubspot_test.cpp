// HubSpot's search against a scripted server: what is asked, how replies are read, and that a
// project filter is kept or the search fails.
#include "tests/unit/worker_scope.h"
#include "tests/unit/worker_scripted_api.h"
#include "worker/providers/hubspot/records.h"

namespace mr::test {
namespace {

using hubspot::Options;
using nlohmann::json;
using std::chrono::milliseconds;

const std::string kToken = "pat-eu1-4711";

json deal(const std::string& id, const json& project = nullptr) {
    json one;
    one["id"] = id;
    one["properties"] = {
        {"dealname", "Deal " + id}, {"amount", "1200.5"},  {"closedate", "2026-03-01T00:00:00Z"},
        {"dealstage", "s1"},        {"pipeline", nullptr}, {"project_code", project}};
    return one;
}

json found(std::vector<json> records, int total) {
    json reply;
    reply["total"] = total;
    reply["results"] = std::move(records);
    return reply;
}

const std::string kLabels =
    R"({"results":[{"id":"p","label":"Sales","stages":[{"id":"s1","label":"Offer made"}]}]})";

struct Crm : ScriptedApi {
    explicit Crm(std::vector<std::string> all) : ScriptedApi(std::move(all)) {
        options.endpoint.base_url = server.url("");
        options.project_property = "project_code";
        options.searches_per_second = 1000;
        options.retry_base = milliseconds(1);
    }

    std::unique_ptr<CrmSearch> client() const {
        return hubspot::make_crm_search(std::make_shared<net::HttpClient>(),
                                        make_key_credential("Authorization: Bearer ", kToken),
                                        options);
    }
    CrmHits ask(const std::string& input, const ProjectScope& scope) {
        const auto crm = client();
        const Question question;
        CallContext context = call();
        return result_of(crm->search(question, input, scope, context));
    }
    ProviderFault fault(const std::string& input, const ProjectScope& scope) {
        return fault_of([&] { ask(input, scope); }, kToken);
    }

    Options options;
};

std::string ok(const json& body) {
    return http_json(body);
}

TEST(HubSpot, ADealIsFoundWithTheLabelOfItsStage) {
    Crm crm({http_answer(kLabels), ok(found({deal("1")}, 31))});
    const CrmHits hits = crm.ask("Show the deals with Halden Capital", ProjectScope());
    ASSERT_EQ(crm.requests.size(), 2u);
    EXPECT_TRUE(crm.requests[0].starts_with("GET /crm/v3/pipelines/deals HTTP/1.1"));
    EXPECT_TRUE(crm.requests[1].starts_with("POST /crm/v3/objects/deals/search HTTP/1.1"));
    EXPECT_NE(crm.requests[1].find("Authorization: Bearer " + kToken), std::string::npos);
    const json body = crm.body(1);
    EXPECT_EQ(body["query"], "Halden Capital");
    EXPECT_EQ(body["filterGroups"], json::array());
    EXPECT_EQ(body["limit"], 20);
    EXPECT_EQ(hits.total, 31);
    ASSERT_EQ(hits.records.size(), 1u);
    EXPECT_EQ(hits.records[0].id, "deal-1");
    EXPECT_EQ(hits.records[0].title, "Deal 1");
    EXPECT_EQ(hits.records[0].properties,
              (json{{"Amount", 1200.5}, {"Closes", "2026-03-01"}, {"Stage", "Offer made"}}));
}

TEST(HubSpot, ProjectsInScopeAreFilteredByTheirProperty) {
    Crm crm({http_answer(kLabels), ok(found({deal("1", "HP-1"), deal("2", "XY-2;hp-1")}, 2))});
    const CrmHits hits = crm.ask("deals on Harbor Point", harbor_point());
    EXPECT_EQ(hits.records.size(), 2u);
    const json body = crm.body(1);
    EXPECT_FALSE(body.contains("query")) << "the project is no name to look for";
    const json& filter = body["filterGroups"][0]["filters"][0];
    EXPECT_EQ(filter["propertyName"], "project_code");
    EXPECT_EQ(filter["operator"], "IN");
    EXPECT_EQ(filter["values"], json::array({"hp-1"}));
}

TEST(HubSpot, ARecordOfAnotherProjectIsAnErrorNotAnAnswer) {
    Crm crm({http_answer(kLabels), ok(found({deal("1", "HP-1"), deal("2", "XY-2")}, 2))});
    EXPECT_EQ(crm.fault("deals", harbor_point()), ProviderFault::filter);
    Crm none({http_answer(kLabels), ok(found({deal("1")}, 1))});
    EXPECT_EQ(none.fault("deals", harbor_point()), ProviderFault::filter);
}

TEST(HubSpot, WithoutAPropertyNothingIsAskedAboutProjects) {
    Crm crm({});
    crm.options.project_property.clear();
    EXPECT_EQ(crm.fault("deals", harbor_point()), ProviderFault::filter);
    ProjectScope unknown;
    unknown.unknown.push_back({"Nowhere", {}});
    EXPECT_EQ(crm.fault("deals", unknown), ProviderFault::filter);
    EXPECT_TRUE(crm.requests.empty());
}

TEST(HubSpot, AnUnknownProjectPropertyIsAFilterError) {
    Crm crm({http_answer(kLabels),
             http_answer(R"({"message":"There was a problem: project_code does not exist"})",
                         "400 Bad Request")});
    EXPECT_EQ(crm.fault("deals", harbor_point()), ProviderFault::filter);
}

TEST(HubSpot, LimitsAreWaitedForButNotThatOfTheDay) {
    const auto limit = [](const std::string& policy) {
        return http_answer(R"({"status":"error","policyName":")" + policy + "\"}",
                           "429 Too Many Requests");
    };
    Crm crm({limit("SECONDLY"), limit("TEN_SECONDLY_ROLLING"), ok(found({}, 0))});
    EXPECT_TRUE(crm.ask("contacts", ProjectScope()).records.empty());
    EXPECT_EQ(crm.requests.size(), 3u);
    Crm daily({limit("DAILY")});
    EXPECT_EQ(daily.fault("contacts", ProjectScope()), ProviderFault::rate_limited);
    EXPECT_EQ(daily.requests.size(), 1u);
    Crm endless({limit("SECONDLY"), limit("SECONDLY"), limit("SECONDLY"), limit("SECONDLY")});
    EXPECT_EQ(endless.fault("contacts", ProjectScope()), ProviderFault::rate_limited);
    EXPECT_EQ(endless.requests.size(), 3u) << "two retries";
}

TEST(HubSpot, OtherRefusalsHaveTheirFaults) {
    Crm access({http_answer("{}", "401 Unauthorized")});
    EXPECT_EQ(access.fault("contacts", ProjectScope()), ProviderFault::bad_request);
    EXPECT_EQ(access.requests.size(), 1u);
    Crm edge({});
    EXPECT_EQ(edge.fault("contacts", ProjectScope()), ProviderFault::unavailable);
    EXPECT_EQ(edge.requests.size(), 3u);
    Crm garbled({http_answer("<html>"), http_answer("<html>"), http_answer("<html>")});
    EXPECT_EQ(garbled.fault("contacts", ProjectScope()), ProviderFault::bad_reply);
    Crm formless({http_answer("{}")});
    EXPECT_EQ(formless.fault("contacts", ProjectScope()), ProviderFault::bad_reply);
}

TEST(HubSpot, WithoutLabelsTheIdsAreShown) {
    Crm crm({http_answer("{}", "403 Forbidden"), ok(found({deal("1")}, 1))});
    EXPECT_EQ(crm.ask("deals", ProjectScope()).records.at(0).properties["Stage"], "s1");
}

TEST(HubSpot, ThePathsAreThoseOfTheSettings) {
    Crm crm({http_answer(kLabels), ok(found({}, 0))});
    crm.options.objects_path = "/crm/objects/2026-09";
    crm.options.pipelines_path = "/crm/pipelines/2026-09";
    crm.ask("deals", ProjectScope());
    EXPECT_TRUE(crm.requests.at(0).starts_with("GET /crm/pipelines/2026-09/deals "));
    EXPECT_TRUE(crm.requests.at(1).starts_with("POST /crm/objects/2026-09/deals/search "));
}

TEST(HubSpot, PagesAreReadUpToTheLimit) {
    const auto page = [](const std::vector<json>& records, const std::string& after) {
        json reply = found(records, 5);
        if (!after.empty()) {
            reply["paging"]["next"]["after"] = after;
        }
        return ok(reply);
    };
    Crm crm({page({deal("1"), deal("2")}, "2"), page({deal("3"), deal("4")}, "4")});
    crm.options.max_records = 4;
    crm.answers.insert(crm.answers.begin(), http_answer(kLabels));
    const CrmHits hits = crm.ask("deals", ProjectScope());
    EXPECT_EQ(crm.requests.size(), 3u);
    EXPECT_EQ(hits.records.size(), 4u);
    EXPECT_EQ(hits.total, 5);
    EXPECT_EQ(crm.body(1)["limit"], 4);
    EXPECT_FALSE(crm.body(1).contains("after"));
    EXPECT_EQ(crm.body(2)["limit"], 2);
    EXPECT_EQ(crm.body(2)["after"], "2");
    Crm endless({});
    endless.answers.assign(2 * hubspot::kMaxPages, page({deal("1")}, "1"));
    endless.answers.insert(endless.answers.begin(), http_answer(kLabels));
    endless.options.max_records = hubspot::kMaxRecords;
    EXPECT_EQ(endless.ask("deals", ProjectScope()).records.size(), 1u);
    EXPECT_EQ(endless.requests.size(), 1u + hubspot::kMaxPages);
    EXPECT_EQ(endless.body(1)["limit"], 200);
}

TEST(HubSpot, ASilentServerCostsTheTimeOfTheCall) {
    Crm crm({""});
    const auto search = crm.client();
    const Question question;
    const ProjectScope scope;
    CallContext context = ScriptedApi::call(milliseconds(50));
    try {
        crm.result_of(search->search(question, "contacts", scope, context));
        ADD_FAILURE() << "no ProviderError";
    } catch (const ProviderError& error) {
        EXPECT_EQ(error.fault(), ProviderFault::timeout);
    }
}

TEST(HubSpot, ACancelledSearchClosesItsConnection) {
    Crm crm({""});
    const auto search = crm.client();
    const Question question;
    const ProjectScope scope;
    CallContext context = ScriptedApi::call();
    EXPECT_TRUE(crm.ends_when_cancelled(search->search(question, "contacts", scope, context)));
}

TEST(HubSpot, KindsAndNamesAreThoseOfTheWords) {
    EXPECT_EQ(hubspot::kinds_in("What do we know?").size(), 3u);
    ASSERT_EQ(hubspot::kinds_in("Who is our contact there?").size(), 1u);
    EXPECT_EQ(hubspot::kinds_in("Who is our contact there?")[0]->type, "contact");
    using Names = std::vector<std::string>;
    const ProjectScope all;
    EXPECT_EQ(hubspot::names_in("Show me the open deals", all), Names());
    EXPECT_EQ(hubspot::names_in("Halden Capital's deals, and Seabright?", all),
              Names({"Halden Capital", "Seabright"}));
    EXPECT_EQ(hubspot::names_in("deals with \"northern light ab\" and a@b.example", all),
              Names({"northern light ab", "a@b.example"}));
    EXPECT_EQ(hubspot::names_in("Acme, Bolt, Corex, Dunlin", all).size(), hubspot::kMaxNames);
    EXPECT_EQ(hubspot::names_in("Acme at Harbor Point", harbor_point()), Names({"Acme"}));
}

} // namespace
} // namespace mr::test

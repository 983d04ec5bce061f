// HubSpot's search against a scripted server: what is asked, how replies are read, and that a
// project filter is kept or the search fails.
#include "tests/unit/worker_http_server.h"
#include "worker/providers/hubspot/records.h"

namespace mr::test {
namespace {

using boost::asio::awaitable;
using hubspot::Options;
using nlohmann::json;
using std::chrono::milliseconds;

const std::string kToken = "pat-eu1-4711";

ProjectScope harbor_point() {
    Project project;
    project.id = "7";
    project.name = "Harbor Point";
    project.code = "HP-1";
    ProjectScope scope;
    scope.projects.push_back(project);
    return scope;
}

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

// Answers in order, and keeps what it was asked.
struct Crm {
    explicit Crm(std::vector<std::string> all)
        : answers(std::move(all)),
          server(loop, [this](HttpPeer& peer) -> awaitable<void> { return serve(peer); }) {
        options.endpoint.base_url = server.url("");
        options.project_property = "project_code";
        options.searches_per_second = 1000;
        options.retry_base = milliseconds(1);
    }

    awaitable<void> serve(HttpPeer& peer) {
        for (;;) {
            const std::string request = co_await peer.request();
            if (request.empty()) {
                co_return;
            }
            const std::size_t at = requests.size();
            requests.push_back(request);
            const std::string answer =
                at < answers.size() ? answers[at] : http_answer("{}", "500 Server Error");
            co_await peer.send(answer);
        }
    }

    CrmHits ask(const std::string& input, const ProjectScope& scope) {
        auto http = std::make_shared<net::HttpClient>();
        const auto crm = hubspot::make_crm_search(
            http, make_key_credential("Authorization: Bearer ", kToken), options);
        CrmHits hits;
        Question question;
        CallContext call;
        call.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        loop.run(run(*crm, question, input, scope, call, hits));
        return hits;
    }
    ProviderFault fault(const std::string& input, const ProjectScope& scope) {
        try {
            ask(input, scope);
        } catch (const ProviderError& error) {
            EXPECT_EQ(std::string(error.what()).find(kToken), std::string::npos);
            return error.fault();
        }
        ADD_FAILURE() << "no ProviderError";
        return ProviderFault::bad_reply;
    }
    json body(std::size_t at) const {
        const std::string& request = requests.at(at);
        return json::parse(request.substr(request.find("\r\n\r\n") + 4));
    }

    static awaitable<void> run(CrmSearch& crm, const Question& question, const std::string& input,
                               const ProjectScope& scope, CallContext& call, CrmHits& hits) {
        hits = co_await crm.search(question, input, scope, call);
    }

    Loop loop;
    std::vector<std::string> answers;
    std::vector<std::string> requests;
    Options options;
    HttpServer server;
};

std::string ok(const json& body) {
    return http_answer(body.dump());
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

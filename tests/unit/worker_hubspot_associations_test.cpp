// HubSpot's associations against a scripted server: projects that are records of their own confine
// what is found, and deals bring along who belongs to them.
#include "tests/unit/worker_scope.h"
#include "tests/unit/worker_scripted_api.h"
#include "worker/providers/hubspot/associations.h"

namespace mr::test {
namespace {

using hubspot::Options;
using nlohmann::json;
using std::chrono::milliseconds;

json record(const std::string& id, const json& properties) {
    json one;
    one["id"] = id;
    one["properties"] = properties;
    return one;
}

json contact(const std::string& id, const std::string& name) {
    return record(id, {{"firstname", name}, {"lastname", "Holm"}, {"company", "Acme"}});
}

json deal(const std::string& id, const std::string& name, const std::string& amount,
          const std::string& day) {
    return record(id, {{"dealname", name}, {"amount", amount}, {"closedate", day}});
}

std::string found(const std::vector<json>& records) {
    json reply;
    reply["results"] = records;
    return http_json(reply);
}

std::string project(const std::string& id, const std::string& code) {
    return found({record(id, {{"code", code}})});
}

// From one record to others.
json linked(const std::string& from, const std::vector<json>& to) {
    json one;
    one["from"]["id"] = from;
    one["to"] = json::array();
    for (const json& id : to) {
        one["to"].push_back({{"toObjectId", id}});
    }
    return one;
}

const std::string kLabels = http_answer(R"({"results":[]})");

struct Crm : ScriptedApi {
    explicit Crm(std::vector<std::string> all) : ScriptedApi(std::move(all)) {
        options.endpoint.base_url = server.url("");
        options.project_property = "code";
        options.project_object = "2-101";
        options.searches_per_second = 1000;
        options.retry_base = milliseconds(1);
    }

    CrmHits ask(const std::string& input, const ProjectScope& scope) {
        const auto crm =
            hubspot::make_crm_search(std::make_shared<net::HttpClient>(),
                                     make_key_credential("Authorization: Bearer ", "k"), options);
        const Question question;
        CallContext context = call();
        return result_of(crm->search(question, input, scope, context));
    }
    ProviderFault fault(const std::string& input) {
        try {
            ask(input, harbor_point());
        } catch (const ProviderError& error) {
            return error.fault();
        }
        ADD_FAILURE() << "no ProviderError";
        return ProviderFault::bad_reply;
    }
    std::string path(std::size_t at) const {
        const std::string& request = requests.at(at);
        return request.substr(0, request.find(" HTTP"));
    }

    Options options;
};

TEST(HubSpotAssociations, ContactsAreThoseOfTheProjectsRecord) {
    Crm crm({project("55", "HP-1"), found({linked("55", {"9", 8})}),
             found({contact("8", "Ada"), contact("9", "Bo")})});
    const CrmHits hits = crm.ask("Who are the contacts?", harbor_point());
    ASSERT_EQ(crm.requests.size(), 3u);
    EXPECT_EQ(crm.path(0), "POST /crm/v3/objects/2-101/search");
    EXPECT_EQ(crm.body(0), json::parse(R"({"filterGroups":[{"filters":[
        {"propertyName":"code","operator":"IN","values":["hp-1"]}]}],
        "properties":["code"],"limit":200})"));
    EXPECT_EQ(crm.path(1), "POST /crm/v4/associations/2-101/contacts/batch/read");
    EXPECT_EQ(crm.body(1), json::parse(R"({"inputs":[{"id":"55"}]})"));
    EXPECT_EQ(crm.path(2), "POST /crm/v3/objects/contacts/batch/read");
    EXPECT_EQ(crm.body(2)["inputs"], json::parse(R"([{"id":"8"},{"id":"9"}])"));
    EXPECT_EQ(hits.total, 2);
    ASSERT_EQ(hits.records.size(), 2u);
    EXPECT_EQ(hits.records[0].title, "Ada Holm");
}

TEST(HubSpotAssociations, NamesAndOrderAreLookedForInWhatIsThere) {
    const std::string deals = found({deal("1", "Acme roof", "10", "2026-01-01"),
                                     deal("2", "Bolt wall", "30", "2026-03-01"),
                                     deal("3", "Acme wall", "20", "2026-02-01")});
    const std::vector<std::string> answers = {kLabels, project("55", "HP-1"),
                                              found({linked("55", {"1", "2", "3"})}), deals};
    Crm named(answers);
    const CrmHits of_acme = named.ask("deals with Acme", harbor_point());
    ASSERT_EQ(of_acme.records.size(), 2u);
    EXPECT_EQ(of_acme.records[0].id, "deal-3") << "the later one first";
    Crm largest(answers);
    largest.options.max_records = 1;
    const CrmHits first = largest.ask("largest deals", harbor_point());
    ASSERT_EQ(first.records.size(), 1u);
    EXPECT_EQ(first.records[0].id, "deal-2");
    EXPECT_EQ(first.total, 3);
}

TEST(HubSpotAssociations, DealsCanStandForProjectsThemselves) {
    Crm crm({kLabels, project("1", "HP-1"), found({deal("1", "Harbor", "10", "2026-01-01")})});
    crm.options.project_object = "deals";
    EXPECT_EQ(crm.ask("deals", harbor_point()).records.size(), 1u);
    EXPECT_EQ(crm.requests.size(), 3u);
    EXPECT_EQ(crm.path(2), "POST /crm/v3/objects/deals/batch/read");
}

TEST(HubSpotAssociations, APartialReplyIsReadAndFurtherPagesToo) {
    json reply;
    reply["numErrors"] = 1;
    reply["errors"] = json::array({{{"category", "OBJECT_NOT_FOUND"}}});
    reply["results"] = json::array({linked("55", {"8"})});
    reply["results"][0]["paging"]["next"]["after"] = "p2";
    Crm crm({found({record("55", {{"code", "HP-1"}}), record("56", {{"code", "HP-1"}})}),
             http_json(reply, "207 Multi-Status"), found({linked("55", {"9"})}),
             found({contact("8", "Ada"), contact("9", "Bo")})});
    EXPECT_EQ(crm.ask("contacts", harbor_point()).records.size(), 2u);
    EXPECT_EQ(crm.body(1)["inputs"], json::parse(R"([{"id":"55"},{"id":"56"}])"));
    EXPECT_EQ(crm.body(2)["inputs"], json::parse(R"([{"id":"55","after":"p2"}])"));
    EXPECT_EQ(crm.body(3)["inputs"].size(), 2u);
}

TEST(HubSpotAssociations, NothingAssociatedIsNothingFound) {
    Crm crm({project("55", "HP-1"), http_json({{"results", json::array()}}, "207 Multi-Status")});
    const CrmHits hits = crm.ask("contacts", harbor_point());
    EXPECT_TRUE(hits.records.empty());
    EXPECT_EQ(hits.total, 0);
    EXPECT_EQ(crm.requests.size(), 2u);
}

TEST(HubSpotAssociations, WhatIsNotOfTheProjectIsAnErrorNotAnAnswer) {
    const std::vector<std::string> kForeign[] = {
        {found({})},                                           // no record of it
        {project("55", "XY-2")},                               // of another one
        {project("55", "HP-1"), found({linked("66", {"9"})})}, // of another record
        {project("55", "HP-1"), found({linked("55", {"9"})}), found({contact("10", "Eve")})},
    };
    for (const std::vector<std::string>& answers : kForeign) {
        Crm crm(answers);
        EXPECT_EQ(crm.fault("contacts"), ProviderFault::filter) << answers.back();
    }
    Crm unknown({http_json({{"message", "Property code does not exist"}}, "400 Bad Request")});
    EXPECT_EQ(unknown.fault("contacts"), ProviderFault::filter);
    EXPECT_EQ(unknown.requests.size(), 1u);
}

TEST(HubSpotAssociations, ThereIsABoundToWhatIsLookedAt) {
    std::vector<json> many;
    for (std::size_t i = 0; i < 2 * hubspot::kMaxAssociated; ++i) {
        many.emplace_back(100'000 + i);
    }
    hubspot::Ids ids;
    json reply;
    reply["results"] = json::array({linked("55", many)});
    const std::vector<hubspot::Holder> more = hubspot::read_associations(reply, {{"55", ""}}, ids);
    EXPECT_EQ(ids.size(), hubspot::kMaxAssociated);
    EXPECT_TRUE(more.empty());
}

TEST(HubSpotAssociations, DealsBringTheirContactsAlong) {
    Crm crm({kLabels, found({}), found({deal("1", "Acme roof", "10", "2026-01-01")}),
             found({linked("1", {"9"})}), found({contact("9", "Bo")})});
    crm.options.project_object.clear();
    const CrmHits hits = crm.ask("contacts of the Acme deals", ProjectScope());
    ASSERT_EQ(crm.requests.size(), 5u);
    EXPECT_EQ(crm.path(3), "POST /crm/v4/associations/deals/contacts/batch/read");
    ASSERT_EQ(hits.records.size(), 2u);
    EXPECT_EQ(hits.records[1].id, "contact-9");
    EXPECT_EQ(hits.total, 2);
    Crm without({kLabels, found({}), found({deal("1", "Acme roof", "10", "2026-01-01")}),
                 http_answer("{}", "403 Forbidden")});
    without.options.project_object.clear();
    EXPECT_EQ(without.ask("contacts of the Acme deals", ProjectScope()).records.size(), 1u)
        << "the deals are found without them";
}

TEST(HubSpotAssociations, WhatComesAlongKeepsToTheProjectToo) {
    Crm by_object({kLabels, project("55", "HP-1"), found({linked("55", {"8"})}),
                   found({contact("8", "Ada")}), found({linked("55", {"1"})}),
                   found({deal("1", "Acme roof", "10", "2026-01-01")}),
                   found({linked("1", {"8", "9"})})});
    const CrmHits confined = by_object.ask("contacts and deals", harbor_point());
    EXPECT_EQ(by_object.requests.size(), 7u) << "9 is not of the project and is not read";
    EXPECT_EQ(confined.records.size(), 2u);

    json mine = contact("8", "Ada");
    mine["properties"]["code"] = "HP-1";
    json roof = deal("1", "Acme roof", "10", "2026-01-01");
    roof["properties"]["code"] = "hp-1";
    Crm by_property({kLabels, found({}), found({roof}), found({linked("1", {"8", "9"})}),
                     found({mine, contact("9", "Bo")})});
    by_property.options.project_object.clear();
    const CrmHits kept = by_property.ask("contacts and deals", harbor_point());
    ASSERT_EQ(kept.records.size(), 2u);
    EXPECT_EQ(kept.records[1].id, "contact-8");
}

TEST(HubSpotAssociations, ThePathsAreThoseOfTheSettings) {
    Crm crm({project("55", "HP-1"), found({linked("55", {})})});
    crm.options.objects_path = "/crm/objects/2026-09";
    crm.options.associations_path = "/crm/associations/2026-09";
    crm.ask("contacts", harbor_point());
    EXPECT_EQ(crm.path(0), "POST /crm/objects/2026-09/2-101/search");
    EXPECT_EQ(crm.path(1), "POST /crm/associations/2026-09/2-101/contacts/batch/read");
}

} // namespace
} // namespace mr::test

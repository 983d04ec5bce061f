// Projects from a lookup table of BigQuery: what is asked, how long it is kept, what happens when
// it cannot be had.
#include "tests/unit/worker_bigquery_support.h"
#include "worker/providers/bigquery/directory.h"

namespace mr::test {
namespace {

using namespace bq;

json lookup_rows(const std::vector<std::vector<json>>& all, const std::string& token = "") {
    json reply = job(true);
    reply["rows"] = json::array();
    for (const std::vector<json>& one : all) {
        json cells = json::array();
        for (const json& value : one) {
            cells.push_back({{"v", value}});
        }
        reply["rows"].push_back({{"f", cells}});
    }
    if (!token.empty()) {
        reply["pageToken"] = token;
    }
    return reply;
}

struct Directory {
    explicit Directory(std::vector<std::string> answers,
                       const std::string& columns = "project_id,name,code,alias")
        : warehouse(std::move(answers)) {
        const auto tables = bigquery::parse_tables("sales.v_project_lookup:-", "", "p");
        made = bigquery::make_directory(
            std::make_shared<net::HttpClient>(),
            make_key_credential("Authorization: Bearer ", kToken), warehouse.options,
            {tables.readable.at(0), bigquery::parse_lookup_columns(columns)});
    }

    // Ids of the best candidates, one for each name; empty: none.
    std::vector<std::string> find(const std::vector<std::string>& names) {
        std::vector<ProjectMatch> matches;
        CallContext call = Warehouse::call_for(std::chrono::seconds(20));
        warehouse.loop.run(lookup(*made, names, call, matches));
        std::vector<std::string> ids;
        for (const ProjectMatch& match : matches) {
            ids.push_back(match.candidates.empty() ? "" : match.candidates.front().project.id);
        }
        return ids;
    }
    static awaitable<void> lookup(ProjectDirectory& directory,
                                  const std::vector<std::string>& names, CallContext& call,
                                  std::vector<ProjectMatch>& matches) {
        matches = co_await directory.lookup(names, call);
    }

    Warehouse warehouse;
    std::unique_ptr<ProjectDirectory> made;
};

using Names = std::vector<std::string>;

TEST(BigQueryDirectory, OneListServesManyNames) {
    Directory directory({ok(lookup_rows({{"4711", "North Pier Terminal", "NPT-07", "Ferry job"},
                                         {"4711", "North Pier Terminal", "NPT-07", "Pier 7"}},
                                        "next")),
                         ok(lookup_rows({{"12", "Quarry Hill School", nullptr, nullptr},
                                         {nullptr, "Nobody's", "X", nullptr}}))});
    EXPECT_EQ(directory.find({"ferry job", "pier 7", "NPT-07", "Quarry Hil School", "Nobody's"}),
              (Names{"4711", "4711", "4711", "12", ""}));
    EXPECT_EQ(directory.find({"Quarry Hill"}), (Names{"12"}));
    ASSERT_EQ(directory.warehouse.requests.size(), 2U) << "read once";
    EXPECT_EQ(directory.warehouse.line(0),
              "POST /bigquery/v2/projects/p/queries?prettyPrint=false");
    const json body = directory.warehouse.body(0);
    EXPECT_EQ(body["query"],
              "SELECT CAST(`project_id` AS STRING) AS c0, CAST(`name` AS STRING) AS c1, "
              "CAST(`code` AS STRING) AS c2, CAST(`alias` AS STRING) AS c3 "
              "FROM `p.sales.v_project_lookup` LIMIT 100000");
    EXPECT_EQ(body["useLegacySql"], false);
    EXPECT_EQ(body["location"], "EU");
    EXPECT_EQ(body["maximumBytesBilled"], "10000000000");
    EXPECT_NE(directory.warehouse.line(1).find("pageToken=next"), std::string::npos);
}

TEST(BigQueryDirectory, ColumnsThatAreNotThereAreLeftOut) {
    Directory directory({ok(lookup_rows({{"1", "North Pier", nullptr, nullptr}}))},
                        "id, title, -, -");
    EXPECT_EQ(directory.find({"north pier"}), (Names{"1"}));
    EXPECT_EQ(directory.warehouse.body(0)["query"],
              "SELECT CAST(`id` AS STRING) AS c0, CAST(`title` AS STRING) AS c1, NULL AS c2, "
              "NULL AS c3 FROM `p.sales.v_project_lookup` LIMIT 100000");
}

TEST(BigQueryDirectory, WithoutAListThereIsNoAnswer) {
    for (const auto& [answer, fault] :
         {std::pair(refused("accessDenied", "403 Forbidden"), ProviderFault::bad_request),
          std::pair(ok(job(false)), ProviderFault::timeout)}) {
        Directory directory({answer});
        try {
            directory.find({"north pier"});
            ADD_FAILURE() << "found without a list";
        } catch (const ProviderError& error) {
            EXPECT_EQ(error.fault(), fault) << error.what();
        }
    }
}

TEST(BigQueryDirectory, ColumnsAreNamesAndNothingElse) {
    for (const char* columns : {"", "a,b,c", "a,b,c,d,e", "-,b,c,d", "a,-,c,d", "a,b,c`,d",
                                "a,b,c;d,e", "a.b,c,d,e", "a,,c,d"}) {
        EXPECT_THROW(bigquery::parse_lookup_columns(columns), std::runtime_error) << columns;
    }
}

} // namespace
} // namespace mr::test

// BigQuery against a scripted server: what is asked in which order, and what its reasons mean.
#include "tests/unit/worker_bigquery_support.h"

#include <set>

namespace mr::test {
namespace {

using namespace bq;

TEST(BigQuery, AQueryIsProvedAndThenRun) {
    Warehouse bq({ok(dry()), ok(rows({"A", "B"}))});
    const SqlTable table = bq.ask(kSql, harbor_point());
    ASSERT_EQ(bq.requests.size(), 2U);
    EXPECT_EQ(bq.line(0), "POST /bigquery/v2/projects/p/jobs?prettyPrint=false");
    EXPECT_EQ(bq.line(1), "POST /bigquery/v2/projects/p/queries?prettyPrint=false");
    EXPECT_NE(bq.requests[1].find("Authorization: Bearer " + kToken), std::string::npos);
    const json parameters = json::parse(
        R"([{"name":"mr_projects",
             "parameterType":{"type":"ARRAY","arrayType":{"type":"STRING"}},
             "parameterValue":{"arrayValues":[{"value":"HP-1"}]}}])");
    json expected = {{"query", kConfined},       {"useLegacySql", false},
                     {"useQueryCache", true},    {"maximumBytesBilled", "10000000000"},
                     {"parameterMode", "NAMED"}, {"queryParameters", parameters}};
    EXPECT_EQ(
        bq.body(0),
        (json{{"jobReference", {{"projectId", "p"}, {"location", "EU"}}},
              {"configuration",
               {{"dryRun", true}, {"labels", {{"app", "mr-worker"}}}, {"query", expected}}}}));
    json body = bq.body(1);
    EXPECT_EQ(body["requestId"].get<std::string>().size(), 36U);
    body.erase("requestId");
    expected.update({{"location", "EU"},
                     {"maxResults", kMaxSqlRows},
                     {"timeoutMs", 100},
                     {"jobTimeoutMs", "30000"},
                     {"labels", {{"app", "mr-worker"}}},
                     {"formatOptions", {{"useInt64Timestamp", true}}}});
    EXPECT_EQ(body, expected);
    ASSERT_EQ(table.rows.size(), 2U);
    EXPECT_EQ(table.columns[0].name, "name");
    EXPECT_EQ(table.rows[1][0], "B");
    EXPECT_FALSE(table.truncated);
}

TEST(BigQuery, WithoutProjectsNoParameterIsSent) {
    Warehouse bq({ok(dry()), ok(rows({}))});
    bq.ask(kSql);
    EXPECT_FALSE(bq.body(1).contains("queryParameters"));
    EXPECT_FALSE(bq.body(1).contains("parameterMode"));
    EXPECT_EQ(bq.body(1)["query"],
              "WITH `invoices` AS (SELECT * FROM `p.sales.invoices`)\n" + kSql);
}

TEST(BigQuery, TheRequestIdIsThatOfTheStepAndTheQuery) {
    std::set<std::string> ids;
    for (const char* step : {"turn-1/t1", "turn-1/t1", "turn-1/t2", "turn-2/t1"}) {
        for (const bool scoped : {true, false}) {
            Warehouse bq({});
            const auto guarded = bigquery::guard_query(kSql, bq.options.tables, scoped);
            const json body = bigquery::query_body(guarded, {"HP-1"}, step, bq.options);
            ids.insert(body["requestId"].get<std::string>());
        }
    }
    EXPECT_EQ(ids.size(), 6U) << "the repeated step has its two again";
}

TEST(BigQuery, WhatTheProjectColumnsHoldIsASetting) {
    for (const auto& [value, held] : {std::pair("id", "7"), std::pair("name", "Harbor Point")}) {
        Warehouse bq({ok(dry()), ok(rows({}))});
        bq.options.project_value = value;
        bq.ask(kSql, harbor_point());
        EXPECT_EQ(bq.body(1)["queryParameters"][0]["parameterValue"]["arrayValues"][0]["value"],
                  held);
    }
}

TEST(BigQuery, AFilterThatCannotBeAppliedAsksNothing) {
    Warehouse bq({});
    ProjectScope unknown;
    unknown.unknown.push_back({"Nowhere", {}});
    EXPECT_EQ(bq.fault(kSql, unknown), ProviderFault::filter);
    EXPECT_EQ(bq.fault("SELECT v.name FROM vendors v", harbor_point()), ProviderFault::filter);
    EXPECT_FALSE(bq.reason.empty()) << "the writer may try a table of projects";
    ProjectScope codeless = harbor_point();
    codeless.projects[0].code.clear();
    EXPECT_EQ(bq.fault(kSql, codeless), ProviderFault::filter);
    EXPECT_EQ(bq.fault("DROP TABLE invoices"), ProviderFault::bad_request);
    EXPECT_TRUE(bq.requests.empty());
}

TEST(BigQuery, WhatTheDryRunDoesNotProveIsNotRun) {
    struct Case {
        json reply;
        std::string reason;
    };
    json failed = dry();
    failed["status"]["errorResult"] = {{"reason", "invalidQuery"}, {"message", "No x at [1:2]"}};
    json none = dry();
    none["statistics"] = json::object();
    json foreign = dry();
    foreign["statistics"]["query"]["referencedTables"][0]["projectId"] = "q";
    const Case cases[] = {
        {dry("SCRIPT"), "only SELECT"},
        {dry("INSERT"), "only SELECT"},
        {dry("SELECT", "secrets"), "a table that is not known: secrets"},
        {dry("SELECT", "vendors"), "a table that is not known: vendors"}, // known, but not read
        {foreign, "a table that is not known: invoices"},
        {dry("SELECT", "invoices", "20000000000"), "20000000000 bytes"},
        {failed, "No x at [1:2]"},
        {none, "only SELECT"},
        {json::object(), "only SELECT"},
    };
    for (const Case& one : cases) {
        Warehouse bq({ok(one.reply), ok(rows({"A"}))});
        EXPECT_EQ(bq.fault(kSql, harbor_point()), ProviderFault::bad_request);
        EXPECT_NE(bq.reason.find(one.reason), std::string::npos) << bq.reason;
        EXPECT_EQ(bq.requests.size(), 1U);
    }
    json beneath = dry("SELECT", "bids");
    beneath["statistics"]["query"]["referencedTables"][0]["datasetId"] = "raw";
    Warehouse view({ok(beneath), ok(rows({"A"}))});
    EXPECT_EQ(view.ask("SELECT b.x FROM all_bids b", harbor_point()).rows.size(), 1U);
}

TEST(BigQuery, WhatIsNotReadyIsAskedForAgain) {
    Warehouse bq({ok(dry()), ok(job(false)), ok(job(false)), ok(rows({"A"}))});
    EXPECT_EQ(bq.ask(kSql).rows.size(), 1U);
    ASSERT_EQ(bq.requests.size(), 4U);
    const std::string poll = "GET /bigquery/v2/projects/p/queries/job_1?prettyPrint=false"
                             "&maxResults=500&timeoutMs=100&formatOptions.useInt64Timestamp=true"
                             "&location=EU";
    EXPECT_EQ(bq.line(2), poll);
    EXPECT_EQ(bq.line(3), poll);
}

TEST(BigQuery, PagesAreReadUpToTheLimits) {
    Warehouse bq({ok(dry()), ok(rows({"A"}, "t/1")), ok(rows({}, "t2")), ok(rows({"B"}))});
    EXPECT_EQ(bq.ask(kSql).rows.size(), 2U);
    EXPECT_TRUE(bq.line(2).ends_with("&location=EU&pageToken=t%2F1"));
    EXPECT_TRUE(bq.line(3).ends_with("&pageToken=t2"));
    const std::vector<std::string> many(kMaxSqlRows, "x");
    Warehouse rowful({ok(dry()), ok(rows(many, "more"))});
    const SqlTable full = rowful.ask(kSql);
    EXPECT_EQ(full.rows.size(), kMaxSqlRows);
    EXPECT_TRUE(full.truncated);
    EXPECT_EQ(rowful.requests.size(), 2U);
    Warehouse large({ok(dry()), ok(rows({"A", std::string(kMaxSqlResultBytes, 'x'), "B"}, "t"))});
    const SqlTable cut = large.ask(kSql);
    EXPECT_EQ(cut.rows.size(), 1U);
    EXPECT_TRUE(cut.truncated);
    std::vector<std::string> endless(100, ok(rows({}, "again")));
    endless[0] = ok(dry());
    Warehouse looping(endless);
    EXPECT_TRUE(looping.ask(kSql).truncated);
    EXPECT_EQ(looping.requests.size(), 1 + bigquery::kMaxPages);
}

TEST(BigQuery, ReasonsCountMoreThanTheStatus) {
    struct Case {
        const char* reason;
        const char* status;
        ProviderFault fault;
        bool retried;
        bool helped; // by other words
    };
    const Case cases[] = {
        {"rateLimitExceeded", "403 Forbidden", ProviderFault::rate_limited, true, false},
        {"rateLimitExceeded", "429 Too Many Requests", ProviderFault::rate_limited, true, false},
        {"jobRateLimitExceeded", "400 Bad Request", ProviderFault::rate_limited, true, false},
        {"backendError", "503 Service Unavailable", ProviderFault::unavailable, true, false},
        {"internalError", "500 Internal Server Error", ProviderFault::unavailable, true, false},
        {"jobBackendError", "400 Bad Request", ProviderFault::unavailable, true, false},
        {"quotaExceeded", "403 Forbidden", ProviderFault::rate_limited, false, false},
        {"accessDenied", "403 Forbidden", ProviderFault::bad_request, false, false},
        {"billingNotEnabled", "403 Forbidden", ProviderFault::bad_request, false, false},
        {"notFound", "404 Not Found", ProviderFault::bad_request, false, false},
        {"invalidQuery", "400 Bad Request", ProviderFault::bad_request, false, true},
        {"bytesBilledLimitExceeded", "500 Internal Server Error", ProviderFault::bad_request, false,
         true},
        {"responseTooLarge", "403 Forbidden", ProviderFault::bad_request, false, true},
        {"stopped", "400 Bad Request", ProviderFault::timeout, false, false},
        {"newReason", "400 Bad Request", ProviderFault::bad_request, false, false},
    };
    for (const Case& one : cases) {
        const std::string answer = refused(one.reason, one.status);
        Warehouse bq({ok(dry()), answer, answer, answer, ok(rows({"A"}))});
        EXPECT_EQ(bq.fault(kSql), one.fault) << one.reason;
        EXPECT_EQ(bq.requests.size(), one.retried ? 4U : 2U) << one.reason;
        EXPECT_EQ(!bq.reason.empty(), one.helped) << one.reason;
        for (std::size_t i = 2; i < bq.requests.size(); ++i) {
            EXPECT_EQ(bq.body(i), bq.body(1)) << "the same job";
        }
    }
    Warehouse edge({ok(dry()), http_answer("<html>", "502 Bad Gateway"), ok(rows({"A"}))});
    EXPECT_EQ(edge.ask(kSql).rows.size(), 1U);
    Warehouse key({refused("authError", "401 Unauthorized"), ok(dry()), ok(rows({}))});
    EXPECT_EQ(key.fault(kSql), ProviderFault::bad_request);
}

TEST(BigQuery, ARunThatFailsIsInTheLogWithItsStep) {
    Warehouse bq({ok(dry()), refused("accessDenied", "403 Forbidden")});
    testing::internal::CaptureStderr();
    EXPECT_EQ(bq.fault(kSql), ProviderFault::bad_request);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_NE(log.find(R"("step":"turn-1/t1")"), std::string::npos) << log;
    EXPECT_NE(log.find(R"("operation":"query")"), std::string::npos) << log;
}

TEST(BigQuery, TheWritersReasonIsNotTheUsers) {
    Warehouse bq({refused("invalidQuery", "400 Bad Request", "Unrecognized name: x at [2:8]")});
    try {
        bq.ask(kSql);
        FAIL();
    } catch (const QueryRefused& error) {
        EXPECT_STREQ(error.what(), "the query is not valid");
        EXPECT_EQ(error.reason(), "Unrecognized name: x at [2:8]");
    }
}

} // namespace
} // namespace mr::test

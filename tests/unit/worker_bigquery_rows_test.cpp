// Rows of BigQuery in every shape, and what a writer of queries is told of its tables.
#include "tests/unit/worker_bigquery_support.h"

namespace mr::test {
namespace {

using namespace bq;

TEST(BigQuery, EveryShapeOfAValue) {
    json record = field("r", "RECORD");
    record["fields"] = json::array({field("x", "INTEGER"), field("y", "STRING", "REPEATED")});
    json records = record;
    records["mode"] = "REPEATED";
    struct Case {
        json type;
        std::string value; // JSON
        json cell;
    };
    const Case cases[] = {
        {field("f0_", "INTEGER"), R"("7")", 7},
        {field("f0_", "INT64"), R"("-9007199254740992")", -9007199254740992},
        {field("f0_", "INT64"), R"("9007199254740993")", "9007199254740993"},
        {field("f0_", "INT64"), R"("9223372036854775807")", "9223372036854775807"},
        {field("f0_", "INTEGER"), "null", nullptr},
        {field("f0_", "FLOAT"), R"("1.5E3")", 1500.0},
        {field("f0_", "FLOAT64"), R"("NaN")", "NaN"},
        {field("f0_", "FLOAT64"), R"("-Infinity")", "-Infinity"},
        {field("f0_", "NUMERIC"), R"("1234.50")", 1234.5},
        {field("f0_", "NUMERIC"), R"("42")", 42},
        {field("f0_", "BIGNUMERIC"), R"("0.12345678901234567890")", "0.12345678901234567890"},
        {field("f0_", "NUMERIC"), R"("99999999999999999999")", "99999999999999999999"},
        {field("f0_", "BOOLEAN"), R"("true")", "true"},
        {field("f0_", "BYTES"), R"("aGk=")", "aGk="},
        {field("f0_", "DATE"), R"("2026-01-31")", "2026-01-31"},
        {field("f0_", "TIMESTAMP"), R"("1769860800000000")", "2026-01-31T12:00:00Z"},
        {field("f0_", "TIMESTAMP"), R"("-1")", "1969-12-31T23:59:59.999999Z"},
        {field("f0_", "TIMESTAMP"), R"("1.7698608E9")", "2026-01-31T12:00:00Z"},
        {field("f0_", "TIMESTAMP"), R"("2026-01-31T12:00:00Z")", "2026-01-31T12:00:00Z"},
        {field("f0_", "RANGE"), R"x("[2026-01-01, UNBOUNDED)")x", "[2026-01-01, UNBOUNDED)"},
        {field("f0_", "JSON"), R"("{\"a\":1}")", "{\"a\":1}"},
        {field("f0_", "HOLOGRAM"), R"("x")", "x"},
        {field("f0_", "STRING", "REPEATED"), R"([{"v":"a"},{"v":null}])", "[\"a\",null]"},
        {field("f0_", "INT64", "REPEATED"), "[]", "[]"},
        {record, R"({"f":[{"v":"1"},{"v":[{"v":"q"}]}]})", R"({"x":1,"y":["q"]})"},
        {records, R"([{"v":{"f":[{"v":"1"},{"v":[]}]}},{"v":null}])", R"([{"x":1,"y":[]},null])"},
        {field("f0_", "STRING"), "17", 17},
        {field("f0_", "STRING"), "true", "true"},
    };
    for (const Case& one : cases) {
        json reply = rows({""});
        reply["schema"]["fields"] = json::array({one.type});
        reply["rows"][0]["f"][0]["v"] = json::parse(one.value);
        Warehouse bq({ok(dry()), ok(reply)});
        const SqlTable table = bq.ask(kSql);
        ASSERT_EQ(table.rows.size(), 1U);
        EXPECT_EQ(table.rows[0][0], one.cell) << one.type << " " << one.value;
    }
}

TEST(BigQuery, RepliesThatCannotBeRead) {
    json short_row = rows({"A"});
    short_row["rows"][0]["f"] = json::array();
    json formless = rows({"A"});
    formless.erase("schema");
    for (const json& reply : {short_row, formless}) {
        Warehouse bq({ok(dry()), ok(reply)});
        EXPECT_EQ(bq.fault(kSql), ProviderFault::bad_reply);
    }
    json jobless = job(false);
    jobless.erase("jobReference");
    Warehouse bq({ok(dry()), ok(jobless)});
    EXPECT_EQ(bq.fault(kSql), ProviderFault::bad_reply);
}

// ---- what a writer is told

TEST(BigQuery, TheTablesAreDescribedOnce) {
    const auto table = [](const std::string& name) {
        json reply;
        reply["description"] = "All " + name + "\nof the firm";
        json record = field("address", "RECORD");
        record["fields"] = json::array({field("city", "STRING")});
        json amount = field("amount", "NUMERIC");
        amount["description"] = "in USD";
        reply["schema"]["fields"] =
            json::array({amount, field("tags", "STRING", "REPEATED"), record});
        return ok(reply);
    };
    Warehouse bq({table("invoices"), table("vendors"), table("bids")});
    const auto engine = bq.make();
    std::string first;
    std::string second;
    const auto read = [&]() -> awaitable<void> {
        CallContext call = Warehouse::call_for(std::chrono::seconds(20));
        first = co_await engine->schema(call);
        second = co_await engine->schema(call);
    };
    bq.loop.run(read());
    ASSERT_EQ(bq.requests.size(), 3U);
    EXPECT_EQ(bq.line(0),
              "GET /bigquery/v2/projects/p/datasets/sales/tables/invoices?prettyPrint=false");
    EXPECT_TRUE(
        first.starts_with("TABLE invoices (of projects, by project_code) -- All invoices "
                          "of the firm\n  amount NUMERIC -- in USD\n  tags ARRAY of STRING\n"
                          "  address RECORD\n    city STRING\n"
                          "TABLE vendors (belongs to no project)"))
        << first;
    EXPECT_EQ(first, second);
}

TEST(BigQuery, OrAsTheOperatorDescribesThem) {
    Warehouse bq({});
    bq.options.schema = "TABLE invoices: all of them";
    const auto engine = bq.make();
    std::string said;
    const auto read = [&]() -> awaitable<void> {
        CallContext call = Warehouse::call_for(std::chrono::seconds(20));
        said = co_await engine->schema(call);
    };
    bq.loop.run(read());
    EXPECT_EQ(said, bq.options.schema);
    EXPECT_TRUE(bq.requests.empty());
    EXPECT_EQ(engine->dialect(), SqlDialect::bigquery);
}

} // namespace
} // namespace mr::test

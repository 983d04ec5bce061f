// Which queries may go to BigQuery: by what tricks a query could read what it must not, and that
// none of them passes, while queries as models write them do.
#include "worker/providers/bigquery/guard.h"
#include "worker/providers/interfaces.h"

#include <gtest/gtest.h>

#include <optional>

namespace mr::test {
namespace {

using bigquery::Guarded;
using bigquery::Tables;

const Tables& known() {
    static const Tables tables = bigquery::parse_tables(
        "sales.invoices:project_id, sales.change_orders:project, other-p.crm.vendors:-, "
        "sales.site_days:project_id",
        "raw.invoices_2020", "my-project");
    return tables;
}

// Null: it passes.
std::optional<QueryRefused> refusal_of(const std::string& sql, bool filtered = true) {
    try {
        bigquery::guard_query(sql, known(), filtered);
    } catch (const QueryRefused& refused) {
        return refused;
    }
    return std::nullopt;
}

TEST(BigQueryGuard, TablesStandInFrontConfinedToTheProjects) {
    const std::string sql = "SELECT i.number FROM invoices AS i JOIN vendors v ON v.id = i.vendor";
    EXPECT_EQ(bigquery::guard_query(sql, known(), true).sql,
              "WITH `invoices` AS (SELECT * FROM `my-project.sales.invoices` WHERE "
              "CAST(`project_id` AS STRING) IN UNNEST(@mr_projects)), "
              "`vendors` AS (SELECT * FROM `other-p.crm.vendors`)\n" +
                  sql);
    const Guarded all = bigquery::guard_query(sql, known(), false);
    EXPECT_EQ(all.sql, "WITH `invoices` AS (SELECT * FROM `my-project.sales.invoices`), "
                       "`vendors` AS (SELECT * FROM `other-p.crm.vendors`)\n" +
                           sql);
    EXPECT_FALSE(all.scoped);
    EXPECT_EQ(all.tables.size(), 2U);
}

TEST(BigQueryGuard, ItsOwnWithClausesComeBehind) {
    const Guarded guarded = bigquery::guard_query(
        "with m AS (SELECT c.amount FROM change_orders c) SELECT SUM(m.amount) AS total FROM m",
        known(), true);
    EXPECT_EQ(guarded.sql,
              "WITH `change_orders` AS (SELECT * FROM `my-project.sales.change_orders` WHERE "
              "CAST(`project` AS STRING) IN UNNEST(@mr_projects)), "
              "m AS (SELECT c.amount FROM change_orders c) SELECT SUM(m.amount) AS total FROM m");
    EXPECT_TRUE(guarded.scoped);
}

TEST(BigQueryGuard, QueriesAsTheyAreWritten) {
    for (
        const char* sql : {
            "SELECT COUNT(*) FROM invoices",
            "SELECT COUNT(*) AS n FROM `invoices` AS i",
            "SELECT i.* EXCEPT (secret) FROM Invoices i ORDER BY i.amount DESC LIMIT 10",
            "SELECT FORMAT_DATE('%Y-%m', i.day) AS month, SUM(i.amount) AS total FROM invoices i "
            "WHERE i.day >= DATE '2026-01-01' GROUP BY month HAVING total > 0 ORDER BY 1",
            "SELECT EXTRACT(YEAR FROM i.day) AS y, COUNT(DISTINCT i.id) FROM invoices i GROUP BY y",
            "SELECT i.id FROM invoices i WHERE i.state IS NOT DISTINCT FROM 'open'",
            "SELECT i.id FROM invoices i, UNNEST(i.items) AS item WITH OFFSET AS o WHERE o < 3",
            "SELECT i.id FROM invoices i LEFT JOIN UNNEST(i.items) item",
            "SELECT a.id FROM (invoices a JOIN change_orders b USING (id))",
            "SELECT s.total FROM (SELECT SUM(i.amount) total FROM invoices i) AS s",
            "SELECT i.id FROM invoices i WHERE i.vendor IN (SELECT v.id FROM vendors v)",
            "SELECT i.id FROM invoices i WHERE EXISTS (SELECT 1 FROM vendors v WHERE v.id = i.v)",
            "SELECT i.id FROM invoices i UNION ALL SELECT c.id FROM change_orders c",
            "WITH a AS (SELECT i.id FROM invoices i), b AS (SELECT a.id FROM a) SELECT b.id FROM b",
            "SELECT ROW_NUMBER() OVER (PARTITION BY i.v ORDER BY i.day) AS r FROM invoices i "
            "WHERE TRUE QUALIFY r = 1",
            "SELECT SUM(i.a) OVER w FROM invoices i WINDOW w AS (PARTITION BY i.v ROWS BETWEEN "
            "UNBOUNDED PRECEDING AND CURRENT ROW)",
            "SELECT SAFE.PARSE_DATE('%F', i.day), SAFE_DIVIDE(i.a, i.b) FROM invoices i",
            "SELECT i.address.city, i.items[OFFSET(0)].name FROM invoices i",
            "SELECT ARRAY_AGG(STRUCT(i.id, i.a) ORDER BY i.a DESC LIMIT 3) FROM invoices i",
            "SELECT REGEXP_CONTAINS(i.name, r'^\\d+\\'--x') FROM invoices i",
            "SELECT '''it's -- no # comment; \"\"\"''', \"\"\"a ' /* b\"\"\", b'\\x00' FROM "
            "invoices",
            "SELECT 'FROM other.table; DROP TABLE x' FROM invoices",
            "SELECT 1.5e3, .5, -2 FROM invoices",
            "SELECT CASE WHEN i.a > 0 THEN 'x' ELSE CAST(i.a AS STRING) END FROM invoices i",
            "SELECT i.a || '-' || i.b FROM invoices i WHERE i.d BETWEEN CURRENT_DATE() - 30 AND "
            "DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)",
            "SELECT i.set, i.table, i.`from` FROM invoices i",
            "SELECT invoices.a FROM invoices",
        }) {
        const auto refused = refusal_of(sql);
        EXPECT_FALSE(refused) << sql << "\n" << (refused ? refused->what() : "");
    }
}

constexpr const char* kRefused[] = {
    // no SELECT, or more than one statement
    "",
    " ",
    "DELETE FROM invoices WHERE TRUE",
    "INSERT INTO invoices VALUES (1)",
    "CREATE TABLE x AS SELECT * FROM invoices",
    "DECLARE x INT64; SELECT x",
    "SELECT 1 FROM invoices; DROP TABLE invoices",
    "SELECT 1 FROM invoices;",
    "BEGIN SELECT 1; END",
    "CALL p()",
    "EXECUTE IMMEDIATE 'SELECT 1'",
    "EXPORT DATA OPTIONS (uri='gs://x') AS SELECT * FROM invoices",
    "FROM invoices",
    "(SELECT 1 FROM invoices)",
    "EXPLAIN SELECT 1 FROM invoices",
    "SET @@x = 1",
    "WITH a AS (SELECT 1) DELETE FROM invoices WHERE TRUE",
    "WITH a AS (DELETE FROM invoices WHERE TRUE) SELECT 1 FROM a, invoices",
    // comments, in which others could see something else
    "SELECT 1 -- x\nFROM invoices",
    "SELECT 1 /* x */ FROM invoices",
    "SELECT 1 # x\nFROM invoices",
    "SELECT 1 /*! x FROM invoices",
    // tables by other names
    "SELECT * FROM sales.invoices",
    "SELECT * FROM `sales.invoices`",
    "SELECT * FROM `sales`.`invoices`",
    "SELECT * FROM sales . invoices",
    "SELECT * FROM `my-project.sales.invoices`",
    "SELECT * FROM my-project.sales.invoices",
    "SELECT * FROM `my-project`.sales.invoices",
    "SELECT * FROM invoices, sales.invoices",
    "SELECT * FROM invoices AS i JOIN sales.invoices ON TRUE",
    "SELECT * FROM invoices i CROSS JOIN (sales.invoices)",
    "SELECT * FROM invoices i, (SELECT * FROM sales.invoices)",
    "SELECT (SELECT MAX(x) FROM sales.invoices) FROM invoices",
    "SELECT * FROM invoices UNION ALL SELECT * FROM sales.invoices",
    "SELECT * FROM invoices EXCEPT DISTINCT SELECT * FROM sales.invoices",
    "SELECT * FROM invoices WHERE id IN (SELECT id FROM sales.invoices)",
    "SELECT ARRAY(SELECT id FROM sales.invoices) FROM invoices",
    "WITH a AS (SELECT * FROM sales.invoices) SELECT * FROM a, invoices",
    "SELECT * FROM `invoices_*`",
    "SELECT * FROM invoices_2020",
    "SELECT * FROM raw",
    "SELECT * FROM invoices$20260101",
    "SELECT * FROM `invoices@-3600000`",
    "SELECT * FROM invoices FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()",
    "SELECT * FROM invoices, [sales.invoices]",
    "SELECT * FROM nosuch, invoices",
    "SELECT * FROM `in\\u0076oices`",
    "SELECT * FROM \"invoices\"",
    "SELECT * FROM 'sales.invoices', invoices",
    // what belongs to no table of ours
    "SELECT * FROM INFORMATION_SCHEMA.TABLES",
    "SELECT * FROM sales.INFORMATION_SCHEMA.TABLES",
    "SELECT * FROM `region-eu`.INFORMATION_SCHEMA.JOBS, invoices",
    "SELECT * FROM `INFORMATION_SCHEMA`, invoices",
    "SELECT i.a FROM invoices i, i.INFORMATION_SCHEMA",
    "SELECT * FROM EXTERNAL_QUERY('c', 'SELECT 1'), invoices",
    "SELECT * FROM `EXTERNAL_QUERY`('c', 'SELECT 1'), invoices",
    "SELECT * FROM ML.PREDICT(MODEL m.x, TABLE invoices)",
    "SELECT * FROM ML.PREDICT(MODEL m.x, (SELECT * FROM invoices))",
    "SELECT * FROM VECTOR_SEARCH(TABLE sales.invoices, 'x', (SELECT 1)), invoices",
    "SELECT * FROM APPENDS(TABLE sales.invoices), invoices",
    "TABLE invoices",
    "SELECT * FROM my_function(1), invoices",
    "SELECT * FROM sales.my_function(1), invoices",
    "SELECT sales.remote(i.a) FROM invoices i",
    "SELECT `remote`(i.a) FROM invoices i",
    "SELECT AI.GENERATE('x') FROM invoices",
    "SELECT NET.HOST('x') FROM invoices",
    "SELECT SAFE.remote(i.a) FROM invoices i",
    "SELECT i.remote(1) FROM invoices i",
    "SELECT SESSION_USER() FROM invoices",
    "SELECT KEYS.NEW_KEYSET('x') FROM invoices",
    "SELECT ERROR('x') FROM invoices",
    "SELECT @@project_id FROM invoices",
    "SELECT @mr_projects FROM invoices",
    "SELECT ? FROM invoices",
    "SELECT @{hint} 1 FROM invoices",
    // names that would hide ours
    "WITH invoices AS (SELECT 1 AS a) SELECT a FROM invoices, change_orders",
    "WITH `INVOICES` AS (SELECT 1 AS a) SELECT a FROM change_orders",
    "SELECT 1 FROM (WITH invoices AS (SELECT 1) SELECT * FROM invoices), change_orders",
    "SELECT 1 FROM vendors AS invoices, change_orders",
    "SELECT 1 FROM (SELECT 1) invoices, change_orders",
    "WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT 1 FROM a) SELECT 1 FROM a, invoices",
    // aliases that make a path of ours look like something of the query's own
    "SELECT 1 AS sales FROM invoices, sales.invoices",
    "SELECT sales.id FROM invoices AS sales",
    "SELECT 1 FROM invoices crm, crm.vendors",
    "SELECT 1 AS other FROM invoices, other.t",
    "SELECT 1 AS other FROM invoices JOIN other.t",
    "SELECT other.x FROM invoices",
    "SELECT my.x FROM invoices i",
    "SELECT 1.FROM other.t, invoices",
    "SELECT 1 .FROM other.t, invoices",
    "SELECT 0x1FROM other.t, invoices",
    "SELECT 'a'.FROM x, invoices",
    "SELECT i. FROM other.t AS i, invoices AS other",
    "SELECT i.FROM other.t AS i, invoices AS other",
    "SELECT EXTRACT(DAY FROM a FROM other.t) FROM invoices",
    "SELECT a IS DISTINCT FROM other.t FROM invoices",
    "SELECT * FROM invoices i ON TRUE, other.t",
    "SELECT * FROM UNNEST sales.invoices, invoices",
    "SELECT * FROM UNNEST.x, invoices",
    // out of the parentheses, or none that fit
    "SELECT 1 FROM invoices) UNION ALL SELECT 1 FROM (SELECT 1",
    "SELECT 1)",
    "SELECT (1 FROM invoices",
    "SELECT [1) FROM invoices",
    "SELECT 1 FROM invoices, ",
    "SELECT 1 FROM",
    "SELECT 1 FROM invoices JOIN",
    "WITH",
    "WITH a",
    "WITH a AS SELECT 1",
    "WITH a AS (SELECT 1), SELECT 1 FROM invoices",
    // other syntax
    "SELECT * FROM invoices |> AGGREGATE COUNT(*)",
    "SELECT * FROM invoices |> JOIN sales.invoices ON TRUE",
    "SELECT * FROM invoices PIVOT(SUM(a) FOR b IN ('x'))",
    "SELECT * FROM invoices TABLESAMPLE SYSTEM (10 PERCENT)",
    "SELECT * FROM invoices, LATERAL (SELECT 1)",
    "SELECT * FROM GRAPH_TABLE(g MATCH (a)), invoices",
    "SELECT WITH DIFFERENTIAL_PRIVACY COUNT(*) FROM invoices",
    "SELECT 'unclosed FROM invoices",
    "SELECT 'a\nb' FROM invoices",
    "SELECT `unclosed FROM invoices",
    "SELECT '''x'' FROM invoices",
    "SELECT r'\\\\' FROM sales.invoices -- '",
    "SELECT 'x\\' FROM invoices",
    "SELECT \xC2\xA0 1 FROM invoices",
    "SELECT `` FROM invoices",
    "SELECT $$x$$ FROM invoices",
    "SELECT {x} FROM invoices",
    "SELECT a:b FROM invoices",
    "SELECT \\ FROM invoices",
};

TEST(BigQueryGuard, NothingElsePasses) {
    for (const char* sql : kRefused) {
        for (const bool filtered : {true, false}) {
            EXPECT_TRUE(refusal_of(sql, filtered)) << sql;
        }
    }
    EXPECT_TRUE(refusal_of("SELECT '" + std::string(20'000, 'x') + "' FROM invoices"));
    EXPECT_TRUE(refusal_of("SELECT " + std::string(200, '(') + "1" + std::string(200, ')')));
    EXPECT_TRUE(refusal_of(std::string("SELECT '\0' FROM invoices", 25)));
}

TEST(BigQueryGuard, AProjectFilterNeedsATableOfProjects) {
    for (const char* sql : {"SELECT v.name FROM vendors v", "SELECT 1", "SELECT 'invoices'",
                            "WITH a AS (SELECT 1 AS invoices) SELECT a.invoices FROM a",
                            "SELECT x FROM UNNEST([1, 2]) AS x"}) {
        const auto refused = refusal_of(sql);
        ASSERT_TRUE(refused) << sql;
        EXPECT_EQ(refused->fault(), ProviderFault::filter) << sql;
        EXPECT_FALSE(refusal_of(sql, false)) << sql;
    }
}

TEST(BigQueryGuard, EveryTableOfProjectsIsConfinedWhereverItIsRead) {
    const Guarded guarded = bigquery::guard_query(
        "SELECT (SELECT MAX(c.a) FROM CHANGE_ORDERS c WHERE c.i = i.id) FROM invoices i WHERE "
        "EXISTS (SELECT 1 FROM (SELECT d.x FROM `site_days` d) s JOIN vendors ON TRUE)",
        known(), true);
    EXPECT_EQ(guarded.tables.size(), 4U);
    std::size_t confined = 0;
    for (std::size_t at = 0; (at = guarded.sql.find("@mr_projects", at)) != std::string::npos;) {
        ++at;
        ++confined;
    }
    EXPECT_EQ(confined, 3U);
}

TEST(BigQueryGuard, ReasonsAreForTheWriter) {
    const std::pair<const char*, const char*> cases[] = {
        {"SELECT a FROM nosuch", "there is no such table: nosuch"},
        {"SELECT a FROM sales.invoices", "short names"},
        {"SELECT x.a FROM invoices i", "what x is"},
        {"SELECT frob(1) FROM invoices", "no such function: frob"},
        {"SELECT 1 FROM invoices -- x", "comments are not allowed"},
    };
    for (const auto& [sql, part] : cases) {
        const auto refused = refusal_of(sql);
        ASSERT_TRUE(refused) << sql;
        EXPECT_NE(refused->reason().find(part), std::string::npos) << refused->reason();
    }
}

TEST(BigQueryTables, AreThoseOfTheSettings) {
    const Tables& tables = known();
    ASSERT_EQ(tables.readable.size(), 4U);
    EXPECT_EQ(tables.readable[0].path(), "my-project.sales.invoices");
    EXPECT_EQ(tables.readable[1].project_column, "project");
    EXPECT_EQ(tables.readable[2].path(), "other-p.crm.vendors");
    EXPECT_FALSE(tables.readable[2].scoped());
    EXPECT_EQ(tables.beneath[0].path(), "my-project.raw.invoices_2020");
    EXPECT_EQ(tables.find("INVOICES"), tables.readable.data());
    for (const char* wrong :
         {"invoices:id", "sales.invoices", "sales.invoices:", "sales.in`voices:id",
          "sales.invoices:id) OR TRUE", "sales.a:x,other.A:x", "sales.sales:x", "a.b.c.d:x", ".x:y",
          "sales.:y", "sales..x:y", "sales.1x:y", "sales.x*:y"}) {
        EXPECT_THROW(bigquery::parse_tables(wrong, "", "p"), std::runtime_error) << wrong;
    }
    std::string many;
    for (int i = 0; i < 51; ++i) {
        many += "s.t" + std::to_string(i) + ":-,";
    }
    EXPECT_THROW(bigquery::parse_tables(many, "", "p"), std::runtime_error);
}

} // namespace
} // namespace mr::test

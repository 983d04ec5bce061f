// What SQL gets through to the company's data, and what a scoped connection can see.
#include "tests/unit/worker_pipeline_support.h"
#include "worker/data/demo_database.h"
#include "worker/providers/interfaces.h"
#include "worker/tools/sql_guard.h"

#include <gtest/gtest.h>

namespace mr::test {
namespace {

sqlite::Database open_guarded(bool scoped) {
    sqlite::Database database = open_demo_database(demo_directory() / "demo.db").connect();
    guard_connection(database, scoped);
    return database;
}

// "" when it ran, else the fault.
std::string outcome(sqlite::Database& database, std::string_view sql, bool scoped = false) {
    try {
        run_guarded(database, sql, scoped);
        return "";
    } catch (const ProviderError& error) {
        return std::string(provider_fault_name(error.fault()));
    }
}

TEST(SqlGuard, LetsOrdinaryQueriesThrough) {
    sqlite::Database database = open_guarded(false);
    for (const std::string_view sql : {
             "SELECT count(*) FROM invoices",
             "select p.name, sum(i.amount) from invoices i join projects p on p.id = i.project_id "
             "where i.status <> 'void' group by 1 order by 2 desc limit 5",
             "WITH t AS (SELECT project_id, sum(amount) AS s FROM invoices GROUP BY 1) "
             "SELECT * FROM t ORDER BY s DESC",
             "SELECT name, rank() OVER (ORDER BY contract_value DESC) FROM projects",
             "SELECT strftime('%Y', issued_on) AS y, round(avg(amount), 1) FROM invoices GROUP BY "
             "y",
             "SELECT * FROM v_project_financials WHERE name = 'main' OR name LIKE '%temp%'",
             "SELECT (SELECT value FROM meta WHERE key = 'today') AS today, name FROM vendors",
             "SELECT name FROM projects WHERE name = 'O''Neil; DROP TABLE x -- not a comment'",
             "SELECT 1",
         }) {
        EXPECT_EQ(outcome(database, sql), "") << sql;
    }
}

struct Attack {
    std::string_view sql;
};

TEST(SqlGuard, RefusesEverythingElse) {
    const std::string long_sql = "SELECT '" + std::string(kMaxSqlBytes, 'x') + "'";
    const std::vector<std::string> attacks = {
        "",
        "   ",
        ";",
        "DROP TABLE invoices",
        "DELETE FROM invoices",
        "UPDATE invoices SET amount = 0",
        "INSERT INTO invoices DEFAULT VALUES",
        "REPLACE INTO meta VALUES ('today', '1999-01-01')",
        "CREATE TABLE x (a)",
        "CREATE TEMP TABLE x (a)",
        "CREATE VIEW x AS SELECT 1",
        "ALTER TABLE invoices ADD COLUMN x",
        "VACUUM",
        "REINDEX",
        "ANALYZE",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT x",
        "PRAGMA table_info(invoices)",
        "PRAGMA query_only = 0",
        "ATTACH '/etc/passwd' AS x",
        "DETACH main",
        "EXPLAIN SELECT 1",
        "EXPLAIN QUERY PLAN SELECT * FROM invoices",
        "VALUES (1), (2)",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE invoices",
        "SELECT 1; -- more",
        "SELECT 1 -- comment",
        "SELECT /* comment */ 1",
        "SELECT 1 /*",
        "WITH x AS (SELECT 1) DELETE FROM invoices",
        "WITH x AS (SELECT 1) INSERT INTO meta SELECT 'a', 'b'",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
        "WITH c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM sqlite_schema",
        "SELECT * FROM sqlite_temp_master",
        "SELECT * FROM pragma_table_info('invoices')",
        "SELECT * FROM pragma_database_list",
        "SELECT * FROM dbstat",
        "SELECT * FROM json_each('[1]')",
        "SELECT * FROM crm_contacts",
        "SELECT * FROM crm_deals",
        "SELECT (SELECT email FROM crm_contacts LIMIT 1) FROM projects",
        "SELECT * FROM documents_fts WHERE documents_fts MATCH 'x'",
        "SELECT * FROM documents_fts_data",
        "SELECT load_extension('/tmp/x.so')",
        "SELECT readfile('/etc/passwd')",
        "SELECT writefile('/tmp/x', 'y')",
        "SELECT randomblob(1000000000)",
        "SELECT zeroblob(1000000000)",
        "SELECT printf('%1000000000d', 1)",
        "SELECT hex(zeroblob(100000000))",
        "SELECT sqlite_source_id()",
        "SELECT fts3_tokenizer('x')",
        "SELECT * FROM main.invoices",
        "SELECT * FROM MAIN . invoices",
        "SELECT * FROM \"main\".\"invoices\"",
        "SELECT * FROM [main].invoices",
        "SELECT * FROM `main`.invoices",
        "SELECT * FROM 'main'.invoices",
        "SELECT * FROM temp.mr_scope",
        "SELECT * FROM mr_scope",
        "SELECT ?1",
        "SELECT :name",
        "SELECT 'unclosed",
        "SELECT \"unclosed",
        "SELECT * FROM no_such_table",
        "SELECT no_such_column FROM invoices",
        "SELEC 1",
        std::string("SELECT 1\0, 2", 12),
        long_sql,
    };
    EXPECT_GE(attacks.size(), 40U);
    sqlite::Database plain = open_guarded(false);
    sqlite::Database scoped = open_guarded(true);
    const Project harbor{"1", "Harbor Point", ""};
    set_scope(scoped, {&harbor, 1});
    for (const std::string& sql : attacks) {
        EXPECT_EQ(outcome(plain, sql), "bad_request") << sql.substr(0, 80);
        EXPECT_EQ(outcome(scoped, sql, true), "bad_request") << sql.substr(0, 80);
    }
    EXPECT_EQ(outcome(plain, "SELECT count(*) FROM invoices"), "") << "it still works afterwards";
}

TEST(SqlGuard, EndsARunawayQueryAtItsDeadline) {
    sqlite::Database database = open_guarded(false);
    database.set_deadline(std::chrono::steady_clock::now() + std::chrono::milliseconds(50));
    EXPECT_EQ(outcome(database, "SELECT count(*) FROM invoices a, invoices b, invoices c, "
                                "change_orders d WHERE a.amount + b.amount > c.amount + d.amount"),
              "timeout");
}

TEST(SqlGuard, CutsLongResultsAndSaysSo) {
    sqlite::Database database = open_guarded(false);
    const SqlTable rows = run_guarded(database, "SELECT a.id FROM invoices a, bids b", false);
    EXPECT_EQ(rows.rows.size(), kMaxSqlRows);
    EXPECT_TRUE(rows.truncated);
    const SqlTable few =
        run_guarded(database, "SELECT id FROM projects ORDER BY id LIMIT 3", false);
    EXPECT_EQ(few.rows.size(), 3U);
    EXPECT_FALSE(few.truncated);
    const SqlTable bytes = run_guarded(
        database, "SELECT a.body || a.body || a.body || b.body FROM documents a, documents b",
        false);
    EXPECT_TRUE(bytes.truncated);
    EXPECT_LT(bytes.rows.size(), kMaxSqlRows);
}

class SqlScope : public testing::Test {
  protected:
    SqlScope() : database_(open_guarded(true)) { set_scope(database_, {&harbor_court_, 1}); }

    std::int64_t number(std::string_view sql) {
        const SqlTable table = run_guarded(database_, sql, true);
        return table.rows.at(0).at(0).get<std::int64_t>();
    }
    std::int64_t reference(std::string_view sql) {
        return open_demo_database(demo_directory() / "demo.db").connect().query_integer(sql);
    }

    const Project harbor_court_{"2", "Harbor Court", ""};
    sqlite::Database database_;
};

TEST_F(SqlScope, NoWordingSeesOtherProjects) {
    const std::int64_t own = reference("SELECT count(*) FROM invoices WHERE project_id = 2");
    const std::int64_t all = reference("SELECT count(*) FROM invoices");
    ASSERT_GT(own, 0);
    ASSERT_GT(all, own);
    for (const std::string_view sql : {
             "SELECT count(*) FROM invoices",
             "SELECT count(*) FROM invoices WHERE project_id = project_id OR 1 = 1",
             "SELECT count(*) FROM (SELECT * FROM invoices)",
             "WITH invoices AS (SELECT * FROM invoices) SELECT count(*) FROM invoices",
             "WITH v AS (SELECT * FROM invoices) SELECT count(*) FROM v",
             "SELECT count(*) FROM \"invoices\"",
             "SELECT count(*) FROM INVOICES AS projects",
             "SELECT count(i.id) FROM vendors v LEFT JOIN invoices i ON 1 = 1 WHERE v.id = 1",
             "SELECT count(*) FROM (SELECT id FROM invoices UNION SELECT id FROM invoices)",
         }) {
        try {
            EXPECT_EQ(number(sql), own) << sql;
        } catch (const ProviderError& error) {
            // Refused is as good: SQLite sees a loop in the second WITH.
            EXPECT_EQ(error.fault(), ProviderFault::bad_request) << sql;
        }
    }
    for (const std::string_view table :
         {"projects", "project_aliases", "bids", "vendor_invoices", "change_orders", "crew_hours",
          "inspections", "documents", "v_project_lookup", "v_project_financials"}) {
        const std::string column = table == "projects" ? "id" : "project_id";
        EXPECT_EQ(number("SELECT count(DISTINCT " + column + ") FROM " + std::string(table)), 1)
            << table;
    }
}

TEST_F(SqlScope, IsSetAnewForEveryQuery) {
    const Project harbor_point{"1", "Harbor Point", ""};
    set_scope(database_, {&harbor_point, 1});
    EXPECT_EQ(number("SELECT max(project_id) FROM invoices"), 1);
    const std::vector<Project> both = {harbor_point, harbor_court_};
    set_scope(database_, both);
    EXPECT_EQ(number("SELECT count(DISTINCT project_id) FROM invoices"), 2);
    set_scope(database_, {});
    EXPECT_EQ(number("SELECT count(*) FROM invoices"), 0) << "an empty scope shows nothing";
}

TEST_F(SqlScope, AFilterThatCannotBeAppliedIsAnError) {
    EXPECT_EQ(outcome(database_, "SELECT name FROM vendors", true), "filter_not_applicable");
    EXPECT_EQ(outcome(database_, "SELECT 1", true), "filter_not_applicable");
    for (const std::string_view id : {"", "x", "1 OR 1=1", "99999", "-1", "1.5"}) {
        const Project project{std::string(id), "", ""};
        EXPECT_THROW(set_scope(database_, {&project, 1}), ProviderError) << id;
    }
    const std::vector<Project> many(kMaxScopeProjects + 1, harbor_court_);
    EXPECT_THROW(set_scope(database_, many), ProviderError);
}

} // namespace
} // namespace mr::test

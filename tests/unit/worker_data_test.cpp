// The demo company: row counts, invariants across tables, the same rows on every machine, planted
// facts found by full-text search, safe creation by several workers at once.
#include "worker/data/demo_database.h"
#include "worker/data/sqlite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace mr {
namespace {

namespace fs = std::filesystem;
using sqlite::Database;
using sqlite::OpenMode;
using sqlite::Statement;
using ::testing::HasSubstr;

// Changes whenever a row of any table changes. Look at the rows before accepting a new value.
constexpr std::uint64_t kRowsDigest = 13592964959905772082ULL;

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string pattern = (fs::temp_directory_path() / "mr-data-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error("mkdtemp");
        path_ = pattern;
    }
    ~TemporaryDirectory() { fs::remove_all(path_); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    fs::path operator/(const char* name) const { return path_ / name; }
    std::size_t entries() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
    }

  private:
    fs::path path_;
};

// One database for all tests that only read.
Database connect() {
    static const TemporaryDirectory directory;
    static const DemoDatabase demo = open_demo_database(directory / "demo.db");
    return demo.connect();
}

std::vector<std::string> texts(const Database& database, std::string_view sql) {
    std::vector<std::string> result;
    Statement statement = database.prepare(sql);
    while (statement.step())
        result.emplace_back(statement.text(0));
    return result;
}

std::uint64_t digest_of(const Database& database) {
    std::uint64_t sum = 0xcbf29ce484222325ULL;
    const auto add = [&](std::string_view text) {
        for (const char c : text)
            sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
        sum = (sum ^ 0xff) * 0x100000001b3ULL;
    };
    for (const std::string& table :
         texts(database, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE "
                         "'sqlite_%' AND name NOT LIKE 'documents_fts%' ORDER BY name")) {
        add(table);
        Statement rows = database.prepare("SELECT * FROM " + table + " ORDER BY 1, 2");
        while (rows.step()) {
            if (table == "meta" && rows.text(0) == "stamp")
                continue; // changes with every comment in the generator
            for (int column = 0; column < rows.column_count(); ++column)
                add(rows.text(column));
        }
    }
    return sum;
}

// ---- content ----

TEST(WorkerData, HasTheRowsItPromises) {
    const Database database = connect();
    struct Expectation {
        const char* sql;
        std::int64_t at_least;
    };
    static constexpr std::array kExpectations = {
        Expectation{"SELECT count(*) FROM projects", 40},
        Expectation{"SELECT count(DISTINCT strftime('%Y', start_date)) FROM projects", 6},
        Expectation{"SELECT count(DISTINCT type) FROM projects", 10},
        Expectation{"SELECT count(DISTINCT status) FROM projects", 5},
        Expectation{"SELECT (SELECT count(*) FROM invoices) + (SELECT count(*) FROM change_orders)"
                    " + (SELECT count(*) FROM vendor_invoices)",
                    2000},
        Expectation{"SELECT count(DISTINCT status) FROM invoices", 5},
        Expectation{"SELECT count(DISTINCT status) FROM vendor_invoices", 4},
        Expectation{"SELECT count(DISTINCT status) FROM change_orders", 3},
        Expectation{"SELECT count(DISTINCT status) FROM bids", 4},
        Expectation{"SELECT count(*) FROM documents", 300},
        Expectation{"SELECT count(DISTINCT kind) FROM documents", 7},
        Expectation{"SELECT min(n) FROM (SELECT count(*) AS n FROM documents GROUP BY kind)", 40},
        Expectation{"SELECT (SELECT count(*) FROM crm_companies) + (SELECT count(*) FROM "
                    "crm_contacts) + (SELECT count(*) FROM crm_deals)",
                    500},
        Expectation{"SELECT count(*) FROM inspections", 300},
        Expectation{"SELECT count(*) FROM bids", 200},
        Expectation{"SELECT count(*) FROM vendors", 30},
        Expectation{"SELECT count(*) FROM crews", 12},
        Expectation{"SELECT min(n) FROM (SELECT count(*) AS n FROM project_aliases GROUP BY "
                    "project_id)",
                    3},
        Expectation{"SELECT balance > 0 FROM (SELECT sum(balance) AS balance FROM invoices JOIN "
                    "projects AS p ON p.id = project_id WHERE p.name = 'Harbor Point')",
                    1},
        Expectation{"SELECT count(*) FROM invoices WHERE status = 'overdue'", 5},
    };
    for (const Expectation& expected : kExpectations)
        EXPECT_GE(database.query_integer(expected.sql), expected.at_least) << expected.sql;
    EXPECT_EQ(database.query_text("SELECT value FROM meta WHERE key = 'today'"), kDemoToday);
}

// Each counts the rows that break a rule: all must be 0.
TEST(WorkerData, TablesAgreeWithEachOther) {
    const Database database = connect();
    static constexpr std::array kBroken = {
        // money
        "SELECT count(*) FROM projects AS p WHERE contract_value <> original_contract + (SELECT "
        "coalesce(sum(amount), 0) FROM change_orders WHERE project_id = p.id AND status = "
        "'approved')",
        "SELECT count(*) FROM v_project_financials WHERE status = 'completed' AND invoiced <> "
        "contract_value",
        "SELECT count(*) FROM v_project_financials WHERE invoiced > contract_value",
        "SELECT count(*) FROM v_project_financials WHERE invoiced <> received + outstanding",
        "SELECT count(*) FROM v_project_financials WHERE vendor_cost > budget",
        "SELECT count(*) FROM v_project_financials WHERE status = 'planning' AND (invoiced <> 0 OR "
        "vendor_cost <> 0 OR contract_value <> original_contract)",
        "SELECT count(*) FROM bids AS b WHERE (SELECT coalesce(sum(amount), 0) FROM "
        "vendor_invoices WHERE bid_id = b.id AND status <> 'void') > b.amount",
        "SELECT count(*) FROM vendor_invoices AS v JOIN bids AS b ON b.id = v.bid_id WHERE "
        "b.status <> 'awarded' OR b.vendor_id <> v.vendor_id OR b.project_id <> v.project_id",
        "SELECT count(*) FROM change_orders WHERE amount < 0 AND (reason <> 'value engineering' OR "
        "status = 'rejected')",
        // dates against today and against the project
        "SELECT count(*) FROM invoices AS i JOIN projects AS p ON p.id = i.project_id WHERE "
        "i.issued_on NOT BETWEEN p.start_date AND min(p.end_date, '2026-06-30')",
        "SELECT count(*) FROM vendor_invoices AS i JOIN projects AS p ON p.id = i.project_id WHERE "
        "i.issued_on NOT BETWEEN p.start_date AND min(p.end_date, '2026-06-30')",
        "SELECT count(*) FROM change_orders AS c JOIN projects AS p ON p.id = c.project_id WHERE "
        "c.raised_on NOT BETWEEN p.start_date AND min(p.end_date, '2026-06-30') OR c.decided_on < "
        "c.raised_on OR c.decided_on > min(p.end_date, '2026-06-30')",
        "SELECT count(*) FROM inspections AS i JOIN projects AS p ON p.id = i.project_id WHERE "
        "i.inspected_on NOT BETWEEN p.start_date AND min(p.end_date, '2026-06-30')",
        "SELECT count(*) FROM crew_hours AS c JOIN projects AS p ON p.id = c.project_id WHERE "
        "c.week_start NOT BETWEEN p.start_date AND min(p.end_date, '2026-06-30')",
        "SELECT count(*) FROM crew_hours WHERE strftime('%w', week_start) <> '1'",
        "SELECT count(*) FROM bids WHERE submitted_on > '2026-06-30' OR decided_on > '2026-06-30' "
        "OR decided_on < submitted_on",
        "SELECT count(*) FROM documents WHERE date > '2026-06-30'",
        "SELECT count(*) FROM crm_contacts WHERE last_contacted_on > '2026-06-30'",
        // statuses
        "SELECT count(*) FROM projects WHERE NOT CASE status WHEN 'planning' THEN start_date > "
        "'2026-06-30' AND percent_complete = 0 WHEN 'completed' THEN end_date <= '2026-06-30' AND "
        "percent_complete = 100 WHEN 'cancelled' THEN end_date <= '2026-06-30' AND "
        "percent_complete < 100 ELSE start_date <= '2026-06-30' AND end_date > '2026-06-30' AND "
        "percent_complete BETWEEN 1 AND 99 END",
        "SELECT count(*) FROM (SELECT * FROM invoices UNION ALL SELECT id, project_id, number, '', "
        "issued_on, due_on, amount, status, paid_on, paid_amount, balance FROM vendor_invoices) "
        "WHERE NOT CASE status WHEN 'paid' THEN paid_amount = amount AND paid_on BETWEEN issued_on "
        "AND '2026-06-30' WHEN 'open' THEN due_on >= '2026-06-30' AND paid_amount < amount WHEN "
        "'overdue' THEN due_on < '2026-06-30' AND paid_amount < amount ELSE paid_amount = 0 END OR "
        "(status <> 'paid' AND paid_on IS NOT NULL) OR due_on <= issued_on",
        "SELECT count(*) FROM change_orders WHERE (status = 'proposed') <> (decided_on IS NULL)",
        "SELECT count(*) FROM bids WHERE (status IN ('pending', 'withdrawn')) <> (decided_on IS "
        "NULL)",
        "SELECT count(*) FROM (SELECT 1 FROM bids WHERE status = 'awarded' GROUP BY project_id, "
        "trade HAVING count(*) > 1)",
        "SELECT count(*) FROM bids AS b JOIN vendors AS v ON v.id = b.vendor_id WHERE v.trade <> "
        "b.trade",
        "SELECT count(*) FROM change_orders AS c JOIN projects AS p ON p.id = c.project_id WHERE "
        "c.status = 'proposed' AND p.status IN ('completed', 'cancelled', 'planning')",
        // CRM
        "SELECT count(*) FROM projects AS p JOIN crm_companies AS c ON c.id = p.client_id WHERE "
        "c.name <> p.client OR c.phase = 'prospect' OR c.since >= p.start_date",
        "SELECT count(*) FROM projects AS p WHERE (SELECT count(*) FROM crm_deals AS d WHERE "
        "d.project_id = p.id AND d.stage = 'won' AND d.company_id = p.client_id AND d.amount = "
        "p.original_contract AND d.close_date < p.start_date) <> 1",
        "SELECT count(*) FROM crm_companies AS c WHERE phase <> CASE WHEN EXISTS (SELECT 1 FROM "
        "projects WHERE client_id = c.id AND status IN ('planning', 'active', 'on_hold')) THEN "
        "'client' WHEN EXISTS (SELECT 1 FROM projects WHERE client_id = c.id) THEN 'former client' "
        "ELSE 'prospect' END",
        "SELECT count(*) FROM crm_deals AS d JOIN crm_contacts AS c ON c.id = d.contact_id WHERE "
        "c.company_id <> d.company_id",
        "SELECT count(*) FROM crm_deals WHERE NOT CASE stage WHEN 'won' THEN probability = 100 AND "
        "project_id IS NOT NULL AND close_date <= '2026-06-30' WHEN 'lost' THEN probability = 0 "
        "AND project_id IS NULL AND close_date <= '2026-06-30' ELSE probability BETWEEN 5 AND 95 "
        "AND project_id IS NULL AND close_date > '2026-06-30' END OR created_on >= close_date",
        // names
        "SELECT count(*) FROM (SELECT 1 FROM project_aliases GROUP BY lower(alias) HAVING "
        "count(DISTINCT project_id) > 1)",
        "SELECT count(*) FROM projects AS p WHERE NOT EXISTS (SELECT 1 FROM v_project_lookup WHERE "
        "project_id = p.id AND alias = p.name) OR NOT EXISTS (SELECT 1 FROM v_project_lookup WHERE "
        "project_id = p.id AND alias = p.code)",
        // documents: no two alike, none unfinished, and they cite the tables
        "SELECT count(*) - count(DISTINCT body) FROM documents",
        "SELECT count(*) FROM documents WHERE body LIKE '%{%' OR body LIKE '%}%' OR title LIKE "
        "'%{%' OR length(body) < 80",
        "SELECT count(*) FROM projects AS p WHERE NOT EXISTS (SELECT 1 FROM documents WHERE "
        "project_id = p.id AND kind = 'contract' AND instr(replace(body, ',', ''), '$' || "
        "p.original_contract) > 0 AND instr(body, p.client) > 0)",
        "SELECT count(*) FROM inspections AS i WHERE result <> 'pass' AND NOT EXISTS (SELECT 1 "
        "FROM documents AS d WHERE d.project_id = i.project_id AND d.date = i.inspected_on AND "
        "instr(d.body, i.notes) > 0 AND instr(d.body, i.inspector) > 0)",
        "SELECT count(*) FROM invoices AS i WHERE status = 'overdue' AND NOT EXISTS (SELECT 1 FROM "
        "documents AS d WHERE d.project_id = i.project_id AND instr(d.body, i.number) > 0 AND "
        "instr(replace(d.body, ',', ''), '$' || i.balance) > 0)",
        "SELECT count(*) FROM documents AS d JOIN projects AS p ON p.id = d.project_id WHERE "
        "d.kind = 'safety_note' AND d.date NOT BETWEEN p.start_date AND p.end_date",
    };
    for (const char* sql : kBroken)
        EXPECT_EQ(database.query_integer(sql), 0) << sql;
    EXPECT_EQ(database.query_text("PRAGMA integrity_check"), "ok");
    EXPECT_TRUE(texts(database, "PRAGMA foreign_key_check").empty());
}

// The query writer reads tables and columns from these comments.
TEST(WorkerData, SchemaDescribesEveryTable) {
    const Database database = connect();
    Statement tables = database.prepare(
        "SELECT name, sql FROM sqlite_schema WHERE type IN ('table', 'view') AND sql NOT NULL AND "
        "name NOT LIKE 'documents_fts%' AND name NOT LIKE 'sqlite_%'");
    int count = 0;
    while (tables.step()) {
        const std::string_view sql = tables.text(1);
        EXPECT_THAT(std::string{sql.substr(0, sql.find('\n'))}, HasSubstr(" -- "))
            << tables.text(0);
        ++count;
    }
    EXPECT_EQ(count, 17);
}

TEST(WorkerData, RowsAreTheSameOnEveryMachine) {
    EXPECT_EQ(digest_of(connect()), kRowsDigest);
}

TEST(WorkerData, FullTextSearchFindsThePlantedFacts) {
    const Database database = connect();
    struct Fact {
        const char* query;
        const char* project;
        const char* in_body;
    };
    static constexpr std::array kFacts = {
        Fact{"waterproofing membrane failure podium", "Harbor Point", "3,400 square feet"},
        Fact{"hoist rope broken wires crane", "Harbor Point", "7 broken wires"},
        Fact{"asbestos classrooms", "Maple Street School", "classrooms"},
        Fact{"asbestos putty windows", "Union Depot Renovation", "214"},
        Fact{"climbing frame bolts crane", "Aurora Tower", "48"},
        Fact{"curtain wall factory strike", "Aurora Tower", "$412,000"},
        Fact{"chromium soil suspended", "Tannery Row", "640 milligrams"},
        Fact{"lender withdrew hold", "Gateway Innovation Center", "$38,000 a month"},
        Fact{"dugout canoe pier", "Mill Pond Bridge", "26 days"},
        Fact{"bats attic roost", "Elm Park Library", "maternity roost"},
        Fact{"clearwell tank leak", "Copper Hill Water Treatment Plant", "0.9 inches"},
        Fact{"sediment brook violation", "Fairhaven Middle School", "Tatnuck Brook"},
        Fact{"permit delay traffic study", "Weaver Street Market", "nine weeks"},
        Fact{"pile cap cores psi", "Ferry Landing Terminal", "3,120 psi"},
        Fact{"sill pans reversed windows", "Juniper House", "24"},
        Fact{"crawler crane settled quay", "Gull Island Wind Service Base", "five inches"},
        Fact{"moment connection welds rejected", "Winslow Science Center", "96"},
        Fact{"copper cable stolen", "Foundry Lofts", "2,600 feet"},
        Fact{"artesian geothermal wells", "Kestrel Ridge Elementary", "310 feet"},
        Fact{"accelerator vault shielding concrete", "Lighthouse Cancer Institute", "240 pounds"},
        Fact{"transformer lead time weeks", "Sycamore Substation", "38 weeks"},
        Fact{"generator out of phase", "Granite Falls Data Center", "generator 3"},
    };
    for (const Fact& fact : kFacts) {
        Statement search = database.prepare(
            "SELECT p.name, d.body FROM documents_fts JOIN documents AS d ON d.id = "
            "documents_fts.rowid JOIN projects AS p ON p.id = d.project_id WHERE documents_fts "
            "MATCH ?1 ORDER BY bm25(documents_fts, 4.0, 1.0) LIMIT 3");
        search.bind(1, fact.query);
        bool found = false;
        while (search.step())
            found = found || (search.text(0) == fact.project &&
                              search.text(1).find(fact.in_body) != std::string_view::npos);
        EXPECT_TRUE(found) << fact.query;
    }
}

// ---- the file ----

TEST(WorkerData, IsMadeOnceAndReusedWhileItsStampMatches) {
    const TemporaryDirectory directory;
    const fs::path file = directory / "new/folder/demo.db";
    open_demo_database(file);
    const auto written = fs::last_write_time(file);
    open_demo_database(file);
    EXPECT_EQ(fs::last_write_time(file), written);

    Database(file, OpenMode::kReadWrite)
        .execute("UPDATE meta SET value = 'older' WHERE key = 'stamp'; DELETE FROM bids");
    const DemoDatabase renewed = open_demo_database(file);
    const Database database = renewed.connect();
    EXPECT_EQ(database.query_text("SELECT value FROM meta WHERE key = 'stamp'"), demo_data_stamp());
    EXPECT_GT(database.query_integer("SELECT count(*) FROM bids"), 0);
}

TEST(WorkerData, ARenewalLeavesOpenConnectionsAlone) {
    const TemporaryDirectory directory;
    const fs::path file = directory / "demo.db";
    const Database before = open_demo_database(file).connect();
    const auto rows = before.query_integer("SELECT count(*) FROM documents");
    fs::copy_file(file, directory / "older.db");
    Database(directory / "older.db", OpenMode::kReadWrite)
        .execute("UPDATE meta SET value = 'older' WHERE key = 'stamp'");
    fs::rename(directory / "older.db", file);
    open_demo_database(file);
    EXPECT_EQ(before.query_integer("SELECT count(*) FROM documents"), rows);
}

TEST(WorkerData, NeverOverwritesAFileOfSomebodyElse) {
    const TemporaryDirectory directory;
    const fs::path text = directory / "notes.txt";
    std::ofstream(text) << "not a database, but somebody's notes";
    EXPECT_THROW(open_demo_database(text), sqlite::Error);
    const fs::path other = directory / "other.db";
    Database(other, OpenMode::kCreate)
        .execute("CREATE TABLE mine (x); INSERT INTO mine VALUES (7)");
    EXPECT_THROW(open_demo_database(other), sqlite::Error);
    EXPECT_EQ(Database(other, OpenMode::kReadOnly).query_integer("SELECT x FROM mine"), 7);
}

TEST(WorkerData, RemovesWhatADeadProcessLeftButNotWhatALivingOneWrites) {
    const TemporaryDirectory directory;
    const fs::path dead = directory / "demo.db.tmp-1-1";
    const fs::path living = directory / "demo.db.tmp-2-1";
    std::ofstream{dead} << "x";
    std::ofstream{living} << "x";
    fs::last_write_time(dead, fs::file_time_type::clock::now() - std::chrono::hours(1));
    open_demo_database(directory / "demo.db");
    EXPECT_FALSE(fs::exists(dead));
    EXPECT_TRUE(fs::exists(living));
}

TEST(WorkerData, FourThreadsAndThreeProcessesMayMakeItAtOnce) {
    const TemporaryDirectory directory;
    const fs::path file = directory / "demo.db";
    std::vector<pid_t> children;
    for (int i = 0; i < 3; ++i) { // before the threads: a child of a threaded process must not lock
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            int failed = 1;
            try {
                failed = digest_of(open_demo_database(file).connect()) == kRowsDigest ? 0 : 2;
            } catch (...) {
            }
            ::_exit(failed);
        }
        children.push_back(child);
    }
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            if (digest_of(open_demo_database(file).connect()) == kRowsDigest)
                ++right;
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(right, 4);
    for (const pid_t child : children) {
        int status = -1;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    }
    EXPECT_EQ(directory.entries(), 1U) << "temporary files left behind";
}

TEST(WorkerData, ConnectionsCannotWrite) {
    Database database = connect();
    for (const char* sql :
         {"DELETE FROM projects", "CREATE TABLE t (x)", "UPDATE meta SET value = ''"})
        EXPECT_THROW(database.execute(sql), sqlite::Error) << sql;
}

} // namespace
} // namespace mr

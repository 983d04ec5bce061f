// The SQLite wrapper: typed binding and reading, one statement at a time, errors that name their
// SQL, the authorizer, and the three ways to stop a statement.
#include "worker/data/sqlite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

namespace mr {
namespace {

using sqlite::Database;
using sqlite::OpenMode;
using sqlite::Statement;
using ::testing::HasSubstr;

TEST(WorkerSqlite, BindsAndReadsEveryType) {
    const Database database = Database::in_memory();
    Statement statement = database.prepare("SELECT ?1, ?2, ?3, ?4, ?5, :name");
    statement.bind_all(nullptr, 7, 2.5, "text", std::optional<std::string>{});
    statement.bind(":name", std::string_view{});
    ASSERT_TRUE(statement.step());
    EXPECT_TRUE(statement.is_null(0));
    EXPECT_EQ(statement.value(1), sqlite::Value{std::int64_t{7}});
    EXPECT_EQ(statement.value(2), sqlite::Value{2.5});
    EXPECT_EQ(statement.value(3), sqlite::Value{std::string{"text"}});
    EXPECT_TRUE(statement.is_null(4));
    EXPECT_EQ(statement.column_type(5), sqlite::Type::kText) << "an empty text is not NULL";
    EXPECT_FALSE(statement.step());
    EXPECT_TRUE(statement.step()) << "may be run again after the end";
    EXPECT_THROW(statement.bind(":other", 1), sqlite::Error);
    EXPECT_THROW(statement.bind(99, 1), sqlite::Error);
}

TEST(WorkerSqlite, PreparesExactlyOneStatement) {
    const Database database = Database::in_memory();
    for (const char* sql :
         {"SELECT 1", "SELECT 1;", "SELECT 1; -- note", " SELECT 1 ; /* a */ \n ;"})
        EXPECT_NO_THROW(database.prepare(sql)) << sql;
    for (const char* sql :
         {"", ";", "-- note", "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE x", "SELEC"})
        EXPECT_THROW(database.prepare(sql), sqlite::Error) << sql;
    EXPECT_TRUE(database.prepare("SELECT 1").read_only());
    EXPECT_FALSE(database.prepare("CREATE TABLE t (x)").read_only());
    EXPECT_TRUE(database.prepare("EXPLAIN SELECT 1").explain());
}

TEST(WorkerSqlite, ErrorsNameTheirSql) {
    const Database database = Database::in_memory();
    try {
        database.prepare("SELECT missing FROM nowhere");
        FAIL() << "accepted";
    } catch (const sqlite::Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("no such table: nowhere"));
        EXPECT_THAT(error.what(), HasSubstr("SELECT missing FROM nowhere"));
        EXPECT_EQ(error.sql(), "SELECT missing FROM nowhere");
        EXPECT_EQ(error.primary_code(), SQLITE_ERROR);
    }
    EXPECT_THROW(Database("/nonexistent/file.db", OpenMode::kReadOnly), sqlite::Error);
}

TEST(WorkerSqlite, AuthorizerRefusesWhatItDoesNotLike) {
    Database database = Database::in_memory();
    database.execute("CREATE TABLE projects (name); CREATE TABLE crm_contacts (email)");
    database.set_authorizer([](const sqlite::AuthRequest& request) {
        return request.action != SQLITE_READ || request.first != "crm_contacts";
    });
    EXPECT_NO_THROW(database.prepare("SELECT name FROM projects"));
    try {
        database.prepare("SELECT email FROM crm_contacts");
        FAIL() << "accepted";
    } catch (const sqlite::Error& error) {
        EXPECT_TRUE(error.denied());
    }
    Database moved = std::move(database); // the hook moves with the connection
    EXPECT_THROW(moved.prepare("SELECT email FROM crm_contacts"), sqlite::Error);
    moved.set_authorizer([](const sqlite::AuthRequest&) -> bool { throw 1; });
    EXPECT_THROW(moved.prepare("SELECT 1"), sqlite::Error) << "undecided is refused";
    moved.set_authorizer(nullptr);
    EXPECT_NO_THROW(moved.prepare("SELECT email FROM crm_contacts"));
}

constexpr const char* kEndless =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

TEST(WorkerSqlite, EndlessStatementsEndAtTheDeadlineOrWhenTheWatchSaysSo) {
    Database database = Database::in_memory();
    const auto ends_interrupted = [&] {
        try {
            database.query_integer(kEndless);
        } catch (const sqlite::Error& error) {
            return error.interrupted();
        }
        return false;
    };
    database.set_deadline(Database::Clock::now() + std::chrono::milliseconds(5));
    EXPECT_TRUE(ends_interrupted());
    database.set_deadline(std::nullopt);
    int asked = 0;
    database.set_watch([&] { return ++asked > 10; });
    EXPECT_TRUE(ends_interrupted());
    EXPECT_EQ(asked, 11);
    database.set_watch([]() -> bool { throw 1; });
    EXPECT_TRUE(ends_interrupted());
    database.set_watch(nullptr);
    EXPECT_EQ(database.query_integer("SELECT 42"), 42) << "usable afterwards";
}

TEST(WorkerSqlite, AnotherThreadMayInterrupt) {
    Database database = Database::in_memory();
    std::atomic<bool> running{false};
    database.set_watch([&] {
        running = true;
        running.notify_all();
        return false;
    });
    std::thread other([&] {
        running.wait(false);
        database.interrupt();
    });
    EXPECT_THROW(database.query_integer(kEndless), sqlite::Error);
    other.join();
}

} // namespace
} // namespace mr

// A thin RAII wrapper for SQLite: connections, statements, typed columns, errors with their SQL.
// It owns handles and nothing else: it knows no schema, writes no SQL, starts no thread.
//
// Threads: a Database and its Statements belong to one thread at a time (they may move between
// threads with a happens-before). Only Database::interrupt() may be called from another thread.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace mr::sqlite {

// Thrown by everything here. what() reads "<what failed>: <SQLite's message> in: <SQL, cut>".
class Error : public std::runtime_error {
  public:
    Error(int code, std::string_view action, std::string_view message, std::string_view sql);
    // Extended result code, for example SQLITE_CONSTRAINT_CHECK.
    int code() const noexcept { return code_; }
    // Primary result code, for example SQLITE_CONSTRAINT.
    int primary_code() const noexcept { return code_ & 0xff; }
    // True when the deadline passed, the watch said stop, or interrupt() was called.
    bool interrupted() const noexcept { return primary_code() == SQLITE_INTERRUPT; }
    // True when the authorizer refused the statement.
    bool denied() const noexcept { return primary_code() == SQLITE_AUTH; }
    const std::string& sql() const noexcept { return sql_; }

  private:
    int code_;
    std::string sql_;
};

// Column value: NULL, integer, real, text. A blob is read as text, byte for byte.
using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string>;

enum class Type { kNull, kInteger, kReal, kText, kBlob };

// A compiled statement. Movable; must not outlive its Database.
// Parameters and bind() count from 1, columns from 0, as in SQLite.
class Statement {
  public:
    Statement(Statement&&) noexcept = default;
    Statement& operator=(Statement&&) noexcept = default;

    Statement& bind(int index, std::nullptr_t);
    Statement& bind(int index, std::int64_t value);
    template <std::integral T> Statement& bind(int index, T value) {
        return bind(index, static_cast<std::int64_t>(value));
    }
    Statement& bind(int index, double value);
    Statement& bind(int index, std::string_view value); // copied
    Statement& bind(int index, const char* value) { return bind(index, std::string_view{value}); }
    Statement& bind(int index, const std::string& value) {
        return bind(index, std::string_view{value});
    }
    Statement& bind(int index, const Value& value);
    template <typename T> Statement& bind(int index, const std::optional<T>& value) {
        return value ? bind(index, *value) : bind(index, nullptr);
    }
    // By name with its prefix (":id", "@id", "$id"); throws when there is no such parameter.
    template <typename T> Statement& bind(std::string_view name, T&& value) {
        return bind(parameter_index(name), std::forward<T>(value));
    }
    // Binds all from 1 in order.
    template <typename... T> Statement& bind_all(T&&... values) {
        int index = 0;
        (bind(++index, std::forward<T>(values)), ...);
        return *this;
    }

    // True: a row is there to read. False: done; the statement is reset and may be run again.
    bool step();
    // Runs to the end and ignores rows.
    void run();
    // Back to the start. Bindings stay.
    void reset() noexcept;

    int column_count() const noexcept;
    int parameter_count() const noexcept;
    std::string_view column_name(int column) const; // the alias if there is one
    Type column_type(int column) const noexcept;    // of the current row
    bool is_null(int column) const noexcept { return column_type(column) == Type::kNull; }
    std::int64_t integer(int column) const noexcept; // 0 for NULL
    double real(int column) const noexcept;          // 0 for NULL
    // Valid until the next step, reset or destruction. Empty for NULL.
    std::string_view text(int column) const;
    Value value(int column) const;

    // False for anything that could write to the database.
    bool read_only() const noexcept;
    // True for EXPLAIN and EXPLAIN QUERY PLAN.
    bool explain() const noexcept;
    std::string_view sql() const noexcept;
    sqlite3_stmt* handle() const noexcept { return handle_.get(); }

  private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
    };
    explicit Statement(sqlite3_stmt* handle) noexcept : handle_(handle) {}
    int parameter_index(std::string_view name) const;
    void check(int code, std::string_view action) const;

    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

enum class OpenMode {
    kReadOnly,  // the file must exist
    kImmutable, // read-only, and nobody changes the file while it is open: no locks, no journal
                // look-up
    kReadWrite, // the file must exist
    kCreate,    // made if missing
};

// What the authorizer is asked while a statement is compiled (sqlite3_set_authorizer).
struct AuthRequest {
    int action;              // SQLITE_READ, SQLITE_SELECT, SQLITE_FUNCTION, ...
    std::string_view first;  // SQLITE_READ: table; SQLITE_FUNCTION: empty; see SQLite's table
    std::string_view second; // SQLITE_READ: column; SQLITE_FUNCTION: function name
    std::string_view schema; // "main", "temp", or empty
    std::string_view inside; // innermost view or trigger that causes the access, or empty
};

// One connection. Movable: its address may change, its hooks stay.
class Database {
  public:
    // Return false to refuse; the statement then fails to compile with SQLITE_AUTH.
    using Authorizer = std::function<bool(const AuthRequest&)>;
    // Asked every kProgressOperations virtual machine operations; true stops the statement.
    using Watch = std::function<bool()>;
    using Clock = std::chrono::steady_clock;
    static constexpr int kProgressOperations = 1000;
    static constexpr int kBusyTimeoutMs = 5000;

    Database(const std::filesystem::path& file, OpenMode mode);
    static Database in_memory();
    Database(Database&&) noexcept = default;
    Database& operator=(Database&& other) noexcept;

    // Runs every statement of a script.
    void execute(std::string_view script);
    // Compiles exactly one statement: a second one behind it, or none at all, is an error.
    Statement prepare(std::string_view sql) const;
    // First column of the first row; throws when there is no row.
    std::int64_t query_integer(std::string_view sql) const;
    std::string query_text(std::string_view sql) const;

    // An empty function takes the hook away.
    void set_authorizer(Authorizer authorizer);
    // A statement still running at the deadline ends with Error::interrupted(); nullopt: none.
    void set_deadline(std::optional<Clock::time_point> deadline);
    // A second reason to stop, for example a cancelled turn; asked on the statement's thread.
    void set_watch(Watch watch);
    // Stops what is running now. The only call allowed from another thread.
    void interrupt() const noexcept { sqlite3_interrupt(handle_.get()); }
    // sqlite3_limit, for example SQLITE_LIMIT_LENGTH; returns the previous value.
    int set_limit(int limit, int value) { return sqlite3_limit(handle_.get(), limit, value); }

    sqlite3* handle() const noexcept { return handle_.get(); }

  private:
    Database();
    struct Close {
        void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
    };
    struct Hooks; // at a stable address, because SQLite keeps a pointer to it
    struct FreeHooks {
        void operator()(Hooks* hooks) const noexcept;
    };
    static int authorize(void* hooks, int action, const char* first, const char* second,
                         const char* schema, const char* inside) noexcept;
    static int progress(void* hooks) noexcept;
    void install_progress();

    std::unique_ptr<Hooks, FreeHooks> hooks_; // destroyed after handle_
    std::unique_ptr<sqlite3, Close> handle_;
};

} // namespace mr::sqlite

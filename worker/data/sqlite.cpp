#include "worker/data/sqlite.h"

#include <limits>

namespace mr::sqlite {
namespace {

constexpr std::size_t kMaxSqlInMessageBytes = 400;

std::string compose(std::string_view action, std::string_view message, std::string_view sql) {
    std::string text{action};
    text.append(": ").append(message);
    if (!sql.empty()) {
        text.append(" in: ").append(sql.substr(0, kMaxSqlInMessageBytes));
        if (sql.size() > kMaxSqlInMessageBytes)
            text.append(" ...");
    }
    return text;
}

[[noreturn]] void fail(sqlite3* handle, std::string_view action, std::string_view sql) {
    throw Error(sqlite3_extended_errcode(handle), action, sqlite3_errmsg(handle), sql);
}

std::string_view view(const char* text) noexcept {
    return text == nullptr ? std::string_view{} : std::string_view{text};
}

int checked_size(std::string_view text, std::string_view action) {
    if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        throw Error(SQLITE_TOOBIG, action, "text too long", {});
    return static_cast<int>(text.size());
}

// White space and comments may follow a statement; anything else may not.
bool only_trivia(std::string_view rest) {
    while (!rest.empty()) {
        if (std::string_view{" \t\r\n\f;"}.find(rest.front()) != std::string_view::npos) {
            rest.remove_prefix(1);
        } else if (rest.starts_with("--")) {
            const std::size_t end = rest.find('\n');
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end);
        } else if (rest.starts_with("/*")) {
            const std::size_t end = rest.find("*/", 2);
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
        } else {
            return false;
        }
    }
    return true;
}

// A file: URI for SQLite, with the characters escaped that end or change a path in one.
std::string immutable_uri(const std::filesystem::path& file) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string uri = "file:";
    for (const char c : std::filesystem::absolute(file).string()) {
        if (c == '?' || c == '#' || c == '%') {
            const auto byte = static_cast<unsigned char>(c);
            uri.append({'%', kHex[byte >> 4], kHex[byte & 15]});
        } else {
            uri.push_back(c);
        }
    }
    return uri + "?immutable=1";
}

} // namespace

Error::Error(int code, std::string_view action, std::string_view message, std::string_view sql)
    : std::runtime_error(compose(action, message, sql)), code_(code), sql_(sql) {}

// ---- Statement ----

void Statement::check(int code, std::string_view action) const {
    if (code != SQLITE_OK)
        fail(sqlite3_db_handle(handle_.get()), action, sql());
}

Statement& Statement::bind(int index, std::nullptr_t) {
    check(sqlite3_bind_null(handle_.get(), index), "bind");
    return *this;
}

Statement& Statement::bind(int index, std::int64_t value) {
    check(sqlite3_bind_int64(handle_.get(), index, value), "bind");
    return *this;
}

Statement& Statement::bind(int index, double value) {
    check(sqlite3_bind_double(handle_.get(), index, value), "bind");
    return *this;
}

Statement& Statement::bind(int index, std::string_view value) {
    // A null data pointer would bind NULL: an empty text is not NULL.
    const char* data = value.data() == nullptr ? "" : value.data();
    check(sqlite3_bind_text(handle_.get(), index, data, checked_size(value, "bind"),
                            SQLITE_TRANSIENT),
          "bind");
    return *this;
}

Statement& Statement::bind(int index, const Value& value) {
    return std::visit([&](const auto& held) -> Statement& { return bind(index, held); }, value);
}

int Statement::parameter_index(std::string_view name) const {
    const int index = sqlite3_bind_parameter_index(handle_.get(), std::string{name}.c_str());
    if (index == 0)
        throw Error(SQLITE_RANGE, "bind", "no parameter " + std::string{name}, sql());
    return index;
}

bool Statement::step() {
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE) {
        // The message must be read before the reset, which may replace it.
        sqlite3* database = sqlite3_db_handle(handle_.get());
        const Error error(sqlite3_extended_errcode(database), "step", sqlite3_errmsg(database),
                          sql());
        reset();
        throw error;
    }
    reset();
    return false;
}

void Statement::run() {
    while (step()) {
    }
}

void Statement::reset() noexcept {
    sqlite3_reset(handle_.get()); // repeats the error of the last step, reported already
}

int Statement::column_count() const noexcept {
    return sqlite3_column_count(handle_.get());
}

int Statement::parameter_count() const noexcept {
    return sqlite3_bind_parameter_count(handle_.get());
}

std::string_view Statement::column_name(int column) const {
    return view(sqlite3_column_name(handle_.get(), column));
}

Type Statement::column_type(int column) const noexcept {
    switch (sqlite3_column_type(handle_.get(), column)) {
    case SQLITE_INTEGER:
        return Type::kInteger;
    case SQLITE_FLOAT:
        return Type::kReal;
    case SQLITE_TEXT:
        return Type::kText;
    case SQLITE_BLOB:
        return Type::kBlob;
    default:
        return Type::kNull;
    }
}

std::int64_t Statement::integer(int column) const noexcept {
    return sqlite3_column_int64(handle_.get(), column);
}

double Statement::real(int column) const noexcept {
    return sqlite3_column_double(handle_.get(), column);
}

std::string_view Statement::text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
    if (data == nullptr)
        return {};
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

Value Statement::value(int column) const {
    switch (column_type(column)) {
    case Type::kNull:
        return nullptr;
    case Type::kInteger:
        return integer(column);
    case Type::kReal:
        return real(column);
    case Type::kText:
    case Type::kBlob:
        break;
    }
    return std::string{text(column)};
}

bool Statement::read_only() const noexcept {
    return sqlite3_stmt_readonly(handle_.get()) != 0;
}

bool Statement::explain() const noexcept {
    return sqlite3_stmt_isexplain(handle_.get()) != 0;
}

std::string_view Statement::sql() const noexcept {
    return view(sqlite3_sql(handle_.get()));
}

// ---- Database ----

struct Database::Hooks {
    Authorizer authorizer;
    Watch watch;
    std::optional<Clock::time_point> deadline;
};

void Database::FreeHooks::operator()(Hooks* hooks) const noexcept {
    delete hooks;
}

Database::Database() : hooks_(new Hooks) {}

Database::Database(const std::filesystem::path& file, OpenMode mode) : Database() {
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    std::string name = file.string();
    switch (mode) {
    case OpenMode::kImmutable:
        name = immutable_uri(file);
        flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
        break;
    case OpenMode::kReadOnly:
        flags |= SQLITE_OPEN_READONLY;
        break;
    case OpenMode::kReadWrite:
        flags |= SQLITE_OPEN_READWRITE;
        break;
    case OpenMode::kCreate:
        flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
        break;
    }
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &raw, flags, nullptr);
    handle_.reset(raw); // SQLite makes a handle even when it fails, to carry the message
    if (code != SQLITE_OK) {
        const std::string_view message = raw != nullptr ? sqlite3_errmsg(raw) : "out of memory";
        throw Error(code, "open " + file.string(), message, {});
    }
    sqlite3_busy_timeout(raw, kBusyTimeoutMs);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
}

Database Database::in_memory() {
    return Database(":memory:", OpenMode::kCreate);
}

Database& Database::operator=(Database&& other) noexcept {
    handle_ = std::move(other.handle_); // closed before its hooks go away
    hooks_ = std::move(other.hooks_);
    return *this;
}

void Database::execute(std::string_view script) {
    const std::string text{script};
    if (sqlite3_exec(handle_.get(), text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
        fail(handle_.get(), "execute", script);
}

Statement Database::prepare(std::string_view sql) const {
    sqlite3_stmt* raw = nullptr;
    const char* tail = nullptr;
    if (sql.data() == nullptr)
        sql = "";
    if (sqlite3_prepare_v2(handle_.get(), sql.data(), checked_size(sql, "prepare"), &raw, &tail) !=
        SQLITE_OK)
        fail(handle_.get(), "prepare", sql);
    Statement statement(raw);
    if (raw == nullptr)
        throw Error(SQLITE_MISUSE, "prepare", "no statement", sql);
    if (!only_trivia(sql.substr(static_cast<std::size_t>(tail - sql.data()))))
        throw Error(SQLITE_MISUSE, "prepare", "more than one statement", sql);
    return statement;
}

std::int64_t Database::query_integer(std::string_view sql) const {
    Statement statement = prepare(sql);
    if (!statement.step())
        throw Error(SQLITE_DONE, "query", "no row", sql);
    return statement.integer(0);
}

std::string Database::query_text(std::string_view sql) const {
    Statement statement = prepare(sql);
    if (!statement.step())
        throw Error(SQLITE_DONE, "query", "no row", sql);
    return std::string{statement.text(0)};
}

int Database::authorize(void* hooks, int action, const char* first, const char* second,
                        const char* schema, const char* inside) noexcept {
    try {
        const AuthRequest request{action, view(first), view(second), view(schema), view(inside)};
        return static_cast<Hooks*>(hooks)->authorizer(request) ? SQLITE_OK : SQLITE_DENY;
    } catch (...) {
        return SQLITE_DENY; // what cannot be decided is refused
    }
}

void Database::set_authorizer(Authorizer authorizer) {
    hooks_->authorizer = std::move(authorizer);
    const bool active = static_cast<bool>(hooks_->authorizer);
    sqlite3_set_authorizer(handle_.get(), active ? &Database::authorize : nullptr, hooks_.get());
}

int Database::progress(void* hooks) noexcept {
    const auto* self = static_cast<Hooks*>(hooks);
    if (self->deadline && Clock::now() >= *self->deadline)
        return 1;
    try {
        return self->watch && self->watch() ? 1 : 0;
    } catch (...) {
        return 1;
    }
}

void Database::install_progress() {
    const bool active = hooks_->deadline || hooks_->watch;
    sqlite3_progress_handler(handle_.get(), kProgressOperations,
                             active ? &Database::progress : nullptr, hooks_.get());
}

void Database::set_deadline(std::optional<Clock::time_point> deadline) {
    hooks_->deadline = deadline;
    install_progress();
}

void Database::set_watch(Watch watch) {
    hooks_->watch = std::move(watch);
    install_progress();
}

} // namespace mr::sqlite

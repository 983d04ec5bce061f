#include "worker/data/demo_database.h"

#include "worker/data/generate.h"
#include "worker/data/sources.h"
#include "worker/data/store.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace mr {
namespace {

namespace fs = std::filesystem;
using sqlite::Database;
using sqlite::OpenMode;

// "MRDB" in the file's header: only a file that carries it is ever replaced.
constexpr std::int64_t kApplicationId = 0x4d524442;
// Temporary files of a process that died while writing are removed when they are this old.
constexpr std::chrono::minutes kAbandonedAfter{10};

// True when the file can be used as it is. Throws when it is somebody else's.
bool is_current(const fs::path& file) {
    if (!fs::exists(file) || fs::file_size(file) == 0)
        return false;
    const Database database(file, OpenMode::kImmutable);
    if (database.query_integer("PRAGMA application_id") != kApplicationId)
        throw sqlite::Error(SQLITE_MISMATCH, "open " + file.string(),
                            "the file is not a demo database; choose another path", {});
    return database.query_text("SELECT value FROM meta WHERE key = 'stamp'") == demo_data_stamp();
}

void remove_abandoned(const fs::path& file) {
    const std::string prefix = file.filename().string() + ".tmp-";
    const auto now = fs::file_time_type::clock::now();
    std::error_code ignored; // tidying up only: another process may be faster
    for (const fs::directory_entry& entry : fs::directory_iterator(file.parent_path(), ignored)) {
        if (entry.path().filename().string().starts_with(prefix)) {
            const auto written = entry.last_write_time(ignored);
            if (!ignored && now - written > kAbandonedAfter)
                fs::remove(entry.path(), ignored);
        }
    }
}

// The data must be on disk before the name is: a power cut must not leave a torn file.
void flush_to_disk(const fs::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    const bool flushed = descriptor >= 0 && ::fsync(descriptor) == 0;
    const int error = errno;
    if (descriptor >= 0)
        ::close(descriptor);
    if (!flushed)
        throw fs::filesystem_error("flush", file, std::error_code(error, std::system_category()));
}

void write_database(const fs::path& file) {
    const demo::DemoData data = demo::generate_demo_data();
    Database database(file, OpenMode::kCreate);
    database.execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;"
                     "PRAGMA application_id = " +
                     std::to_string(kApplicationId));
    demo::store_demo_data(database, data);
}

void create(const fs::path& file) {
    static std::atomic<int> counter{0}; // threads of one process
    fs::path temporary = file;
    temporary += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(++counter);
    std::error_code ignored;
    fs::remove(temporary, ignored); // left by a dead process with the same id
    try {
        write_database(temporary);
        flush_to_disk(temporary);
        fs::rename(temporary, file);
    } catch (...) {
        fs::remove(temporary, ignored);
        throw;
    }
}

} // namespace

std::string_view demo_schema_sql() noexcept {
    static const std::string_view kSchema = demo::embedded_text("schema.sql");
    return kSchema;
}

std::string_view demo_data_stamp() noexcept {
    return demo::kEmbeddedStamp;
}

Database DemoDatabase::connect() const {
    return Database(path_, OpenMode::kImmutable);
}

DemoDatabase open_demo_database(const fs::path& file) {
    const fs::path path = fs::absolute(file);
    fs::create_directories(path.parent_path());
    if (!is_current(path)) {
        remove_abandoned(path);
        create(path);
    }
    return DemoDatabase(path);
}

} // namespace mr

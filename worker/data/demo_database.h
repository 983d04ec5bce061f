// The demo company's database file: creates it when it is missing or of another version, opens it.
// It never changes a file in place: a new one is written beside it and renamed over it, so that any
// number of workers may start at once and open connections keep reading what they opened.
#pragma once

#include "worker/data/sqlite.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace mr {

// The date the data is "of": relative times ("this year", "overdue") refer to it. Also in meta.
inline constexpr std::string_view kDemoToday = "2026-06-30";

// The schema with its comments (worker/data/schema.sql), as embedded in the program.
std::string_view demo_schema_sql() noexcept;

// Identifies schema, sources and generator: a file with another stamp is made anew.
std::string_view demo_data_stamp() noexcept;

class DemoDatabase {
  public:
    const std::filesystem::path& path() const noexcept { return path_; }
    // A new read-only connection; open one per thread (well under a millisecond).
    sqlite::Database connect() const;

  private:
    friend DemoDatabase open_demo_database(const std::filesystem::path& file);
    explicit DemoDatabase(std::filesystem::path path) : path_(std::move(path)) {}

    std::filesystem::path path_;
};

// Makes the file (and its directories) if needed. Throws sqlite::Error or filesystem_error.
DemoDatabase open_demo_database(const std::filesystem::path& file);

} // namespace mr

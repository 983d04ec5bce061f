// Rows as BigQuery sends them: every scalar a string, records and repeated fields wrapped.
#include "worker/providers/bigquery/wire.h"
#include "worker/providers/remote_json.h"
#include "worker/tools/sql_guard.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace mr::bigquery {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 16;                        // of records: BigQuery has 15
constexpr std::int64_t kMaxExact = 9007199254740992; // 2^53: a browser's numbers
constexpr std::size_t kMaxExactDigits = 15;          // of a decimal number
constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr double kMaxSeconds = 253'402'300'800; // year 10000
constexpr std::size_t kMaxColumns = 1'000;

[[noreturn]] void unreadable() {
    throw ProviderError(ProviderFault::bad_reply, "BigQuery's reply cannot be read");
}

json integer(const std::string& text) {
    std::int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    const bool exact =
        read.ec == std::errc() && read.ptr == end && number <= kMaxExact && number >= -kMaxExact;
    return exact ? json(number) : json(text);
}

// NaN and the infinities have no number in JSON.
json real(const std::string& text) {
    double number = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    const bool good = read.ec == std::errc() && read.ptr == end && std::isfinite(number);
    return good ? json(number) : json(text);
}

// A number where it is exactly this one.
json decimal(const std::string& text) {
    const auto digits =
        std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (text.find('.') == std::string::npos) {
        return integer(text);
    }
    return static_cast<std::size_t>(digits) <= kMaxExactDigits ? real(text) : json(text);
}

// Microseconds since 1970, or seconds as "1.7E9", into "2026-01-31T12:00:00Z".
std::string timestamp(const std::string& text) {
    std::int64_t micros = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, micros);
    if (read.ec != std::errc() || read.ptr != end) {
        double seconds = 0;
        const auto again = std::from_chars(text.data(), end, seconds);
        if (again.ec != std::errc() || again.ptr != end || !(std::abs(seconds) < kMaxSeconds)) {
            return text; // ISO already, or unknown
        }
        micros = std::llround(seconds * static_cast<double>(kMicrosPerSecond));
    }
    const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(micros)};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    char out[64];
    int size = std::snprintf(
        out, sizeof(out), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
        static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count()));
    std::string said(out, static_cast<std::size_t>(size));
    if (clock.subseconds().count() != 0) {
        size =
            std::snprintf(out, sizeof(out), ".%06d", static_cast<int>(clock.subseconds().count()));
        said.append(out, static_cast<std::size_t>(size));
    }
    return said + "Z";
}

json scalar(const json& value, const std::string& type) {
    if (!value.is_string()) { // not as documented, yet a value
        return value.is_number() ? value : json(value.dump());
    }
    const std::string& text = value.get_ref<const std::string&>();
    if (type == "INTEGER" || type == "INT64") {
        return integer(text);
    }
    if (type == "FLOAT" || type == "FLOAT64") {
        return real(text);
    }
    if (type == "NUMERIC" || type == "BIGNUMERIC") {
        return decimal(text);
    }
    return type == "TIMESTAMP" ? json(timestamp(text)) : json(text);
}

json value_of(const json& value, const json& field, bool element, int depth) {
    if (value.is_null() || depth > kMaxDepth) {
        return nullptr;
    }
    if (!element && text_of(member(field, "mode")) == "REPEATED") {
        json list = json::array();
        for (const json& one : items_of(value)) {
            list.push_back(value_of(member(one, "v"), field, true, depth));
        }
        return list;
    }
    const std::string type = text_of(member(field, "type"));
    if (type != "RECORD" && type != "STRUCT") {
        return scalar(value, type);
    }
    json record = json::object();
    const json& fields = items_of(member(field, "fields"));
    const json& values = items_of(member(value, "f"));
    for (std::size_t i = 0; i < std::min(fields.size(), values.size()); ++i) {
        record[text_of(member(fields[i], "name"))] =
            value_of(member(values[i], "v"), fields[i], false, depth + 1);
    }
    return record;
}

// Null, a number or a text: lists and records as JSON text.
json cell_of(const json& value, const json& field) {
    json cell = value_of(value, field, false, 0);
    return cell.is_structured() ? json(rest::body_text(cell)) : cell;
}

std::size_t bytes_of(const json& cell) {
    return cell.is_string() ? cell.get_ref<const std::string&>().size() : sizeof(double);
}

} // namespace

bool read_page(const json& reply, SqlTable& table, std::size_t& bytes) {
    const json& fields = items_of(member(member(reply, "schema"), "fields"));
    if (fields.empty() || fields.size() > kMaxColumns) {
        unreadable();
    }
    if (table.columns.empty()) {
        for (const json& field : fields) {
            table.columns.push_back({text_of(member(field, "name")), ""});
        }
    }
    if (fields.size() != table.columns.size()) {
        unreadable();
    }
    for (const json& row : items_of(member(reply, "rows"))) {
        const json& values = items_of(member(row, "f"));
        if (values.size() != fields.size()) {
            unreadable();
        }
        std::vector<json> cells;
        for (std::size_t i = 0; i < fields.size(); ++i) {
            cells.push_back(cell_of(member(values[i], "v"), fields[i]));
            bytes += bytes_of(cells.back());
        }
        if (table.rows.size() == kMaxSqlRows || bytes > kMaxSqlResultBytes) {
            table.truncated = true;
            return false;
        }
        table.rows.push_back(std::move(cells));
    }
    return true;
}

} // namespace mr::bigquery

#include "tests/emulator/bigquery.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace mr::emulator::bigquery {
namespace {

using nlohmann::json;

Found check_type(const json& type, const std::string& where) {
    static const std::vector<Field> kFields{
        {"type", kString, true,
         one_of({"STRING", "INT64", "FLOAT64", "BOOL", "DATE", "DATETIME", "TIME", "TIMESTAMP",
                 "NUMERIC", "BIGNUMERIC", "BYTES", "JSON", "GEOGRAPHY", "INTERVAL", "RANGE",
                 "ARRAY", "STRUCT"})},
        {"arrayType", kObject, false, check_type},
        {"structTypes", kArray, false,
         each(object_of(
             {{"name", kString}, {"type", kObject, true, check_type}, {"description", kString}}))},
        {"rangeElementType", kObject, false, check_type}};
    if (Found found = check_object(type, kFields, where)) {
        return found;
    }
    if ((type["type"] == "ARRAY") != type.contains("arrayType")) {
        return wrong(where + ".arrayType", "belongs to ARRAY, and has to be there");
    }
    return std::nullopt;
}

Found check_value(const json& value, const std::string& where) {
    static const std::vector<Field> kFields{
        {"value", kString | kNumber | kBool}, // Google's own client sends numbers as they are
        {"arrayValues", kArray, false, each(check_value)},
        {"structValues", kObject, false,
         [](const json& all, const std::string& at) -> Found {
             for (const auto& [name, one] : all.items()) {
                 if (Found found = check_value(one, at + "." + name)) {
                     return found;
                 }
             }
             return std::nullopt;
         }},
        {"rangeValue", kObject}};
    return value.is_object() ? check_object(value, kFields, where)
                             : Found(wrong(where, "has to be an object"));
}

Check parameters() {
    return each(object_of({{"name", kString},
                           {"parameterType", kObject, true, check_type},
                           {"parameterValue", kObject, true, check_value}}));
}

Check dataset() {
    return object_of({{"projectId", kString}, {"datasetId", kString, true}});
}

Found check_parameters(const json& query, const std::string& where) {
    const json list = query.value("queryParameters", json::array());
    const std::string mode = query.value("parameterMode", "");
    if (!list.empty() && query.value("useLegacySql", true)) {
        return wrong(where + "queryParameters", "cannot be used with legacy SQL");
    }
    for (const json& one : list) {
        const bool named =
            mode == "NAMED" || mode == "named"; // Google's own client writes it small
        if (mode.empty() || named != one.contains("name")) {
            return wrong(where + "queryParameters", "names do not fit parameterMode");
        }
    }
    return std::nullopt;
}

std::string scalar(const json& value, const std::string& type, bool int64_timestamps) {
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (type == "TIMESTAMP" && !int64_timestamps) {
        std::array<char, 32> seconds{};
        std::snprintf(seconds.data(), seconds.size(), "%.9E", std::stod(text) / 1e6);
        text = seconds.data();
    }
    return text;
}

json encode(const json& value, const json& field, bool int64_timestamps, bool element) {
    if (value.is_null()) {
        return nullptr;
    }
    if (!element && field.value("mode", "") == "REPEATED") {
        json list = json::array();
        for (const json& one : value) {
            list.push_back({{"v", encode(one, field, int64_timestamps, true)}});
        }
        return list;
    }
    const std::string type = field.value("type", "STRING");
    if (type == "RECORD" || type == "STRUCT") {
        return encode_rows(json::array({value}), field["fields"], int64_timestamps)[0];
    }
    return scalar(value, type, int64_timestamps);
}

} // namespace

Found check_query(const json& body) {
    static const std::vector<Field> kFields{
        {"kind", kString},
        {"query", kString, true, at_most_bytes(1024 * 1024)},
        {"useLegacySql", kBool},
        {"parameterMode", kString, false, one_of({"NAMED", "POSITIONAL", "named", "positional"})},
        {"queryParameters", kArray, false, parameters()},
        {"defaultDataset", kObject, false, dataset()},
        {"location", kString},
        {"maxResults", kInt, false, between(0, 4294967295.0)},
        {"timeoutMs", kInt, false, between(0, 4294967295.0)},
        {"jobTimeoutMs", kInt64, false, digits()},
        {"maximumBytesBilled", kInt64, false, digits()},
        {"useQueryCache", kBool},
        {"requestId", kString, false, at_most_bytes(36)},
        {"labels", kObject},
        {"dryRun", kBool},
        {"formatOptions", kObject, false,
         object_of({{"useInt64Timestamp", kBool}, {"timestampOutputFormat", kString}})},
        {"jobCreationMode", kString, false,
         one_of({"JOB_CREATION_REQUIRED", "JOB_CREATION_OPTIONAL"})},
        {"createSession", kBool},
        {"connectionProperties", kArray},
    };
    if (Found found = check_object(body, kFields, "")) {
        return found;
    }
    return check_parameters(body, "");
}

Found check_job(const json& body) {
    static const Check kQuery = object_of({
        {"query", kString, true, at_most_bytes(1024 * 1024)},
        {"useLegacySql", kBool},
        {"parameterMode", kString, false, one_of({"NAMED", "POSITIONAL", "named", "positional"})},
        {"queryParameters", kArray, false, parameters()},
        {"defaultDataset", kObject, false, dataset()},
        {"maximumBytesBilled", kInt64, false, digits()},
        {"useQueryCache", kBool},
        {"priority", kString, false, one_of({"INTERACTIVE", "BATCH"})},
    });
    static const std::vector<Field> kFields{
        {"jobReference", kObject, false,
         object_of({{"projectId", kString}, {"jobId", kString}, {"location", kString}})},
        {"configuration", kObject, true,
         object_of({{"dryRun", kBool},
                    {"jobTimeoutMs", kInt64, false, digits()},
                    {"labels", kObject},
                    {"jobType", kString},
                    {"query", kObject, true, kQuery}})},
    };
    if (Found found = check_object(body, kFields, "")) {
        return found;
    }
    return check_parameters(body["configuration"]["query"], "configuration.query.");
}

std::string statement_type(const std::string& sql) {
    std::string text;
    for (const char c : sql) {
        text += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    const std::size_t begin = text.find_first_not_of(" \t\r\n(");
    if (begin == std::string::npos) {
        return "";
    }
    const std::size_t semicolon = text.find(';');
    if (semicolon != std::string::npos &&
        text.find_first_not_of("; \t\r\n", semicolon) != std::string::npos) {
        return "SCRIPT";
    }
    const std::string word = text.substr(begin, text.find_first_of(" \t\r\n(;*", begin) - begin);
    if (word == "WITH") {
        return "SELECT";
    }
    return word == "CREATE" || word == "DROP" || word == "ALTER" ? word + "_TABLE" : word;
}

json tables_in(const std::string& sql) {
    json tables = json::array();
    for (std::size_t at = sql.find('`'); at != std::string::npos;) {
        const std::size_t end = sql.find('`', at + 1);
        if (end == std::string::npos) {
            break;
        }
        const std::string name = sql.substr(at + 1, end - at - 1);
        const std::size_t first = name.find('.');
        const std::size_t second = name.find('.', first + 1);
        if (first != std::string::npos && second != std::string::npos) {
            tables.push_back({{"projectId", name.substr(0, first)},
                              {"datasetId", name.substr(first + 1, second - first - 1)},
                              {"tableId", name.substr(second + 1)}});
        }
        at = sql.find('`', end + 1);
    }
    return tables;
}

json encode_rows(const json& rows, const json& fields, bool int64_timestamps) {
    json out = json::array();
    for (const json& row : rows) {
        json cells = json::array();
        for (std::size_t i = 0; i < fields.size(); ++i) {
            cells.push_back({{"v", encode(row.at(i), fields[i], int64_timestamps, false)}});
        }
        out.push_back({{"f", cells}});
    }
    return out;
}

} // namespace mr::emulator::bigquery

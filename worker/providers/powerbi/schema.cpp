#include "worker/providers/powerbi/schema.h"

#include "worker/providers/remote_json.h"
#include "worker/small_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>
#include <utility>

namespace mr::powerbi {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 10> kKinds = {"",     "money", "count", "number", "percent",
                                                     "date", "month", "year",  "text",   "id"};

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what);
}

std::string one_line(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
    return text;
}

std::string name_in(const json& object, const std::string& where) {
    std::string name = text_of(member(object, "name"));
    if (name.empty() || name.size() > kMaxNameBytes || one_line(name) != name) {
        fail(where + " has no name of 1 to " + std::to_string(kMaxNameBytes) +
             " bytes on one line");
    }
    return name;
}

std::string description_in(const json& object) {
    std::string text = one_line(text_of(member(object, "description")));
    if (text.size() > kMaxDescriptionBytes) {
        fail("a description is longer than " + std::to_string(kMaxDescriptionBytes) + " bytes");
    }
    return text;
}

std::vector<Field> fields_in(const json& list, const std::string& where) {
    std::vector<Field> fields;
    for (const json& one : items_of(list)) {
        Field field;
        field.name = name_in(one, "a column or measure of " + where);
        field.kind = text_of(member(one, "kind"));
        field.description = description_in(one);
        if (std::find(kKinds.begin(), kKinds.end(), field.kind) == kKinds.end()) {
            fail(where + "[" + field.name + "] has the kind '" + field.kind +
                 "', not money, count, number, percent, date, month, year, text or id");
        }
        fields.push_back(std::move(field));
    }
    return fields;
}

const Field* named(const std::vector<Field>& fields, std::string_view name) {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) {
        return same_name(field.name, name);
    });
    return found == fields.end() ? nullptr : &*found;
}

// `text` with every `mark` in it doubled, between `open` and `mark`.
std::string between(char open, char mark, std::string_view text) {
    std::string out(1, open);
    for (const char c : text) {
        out += c;
        if (c == mark) {
            out += c;
        }
    }
    return out + mark;
}

// What stands between `open` and `close` from `at` on; moves behind it.
std::string taken(std::string_view text, std::size_t& at, char open, char close) {
    if (at >= text.size() || text[at] != open) {
        fail("it is not written as 'Table'[Column]");
    }
    std::string out;
    for (++at; at < text.size(); ++at) {
        if (text[at] != close) {
            out += text[at];
        } else if (at + 1 < text.size() && text[at + 1] == close) {
            out += text[++at];
        } else {
            ++at;
            return out;
        }
    }
    fail("it is not written as 'Table'[Column]");
}

void add_field(std::string& out, const std::string& what, const Field& field) {
    out += "  " + what + (field.kind.empty() ? "" : " (" + field.kind + ")") +
           (field.description.empty() ? "" : ": " + field.description) + "\n";
}

} // namespace

bool same_name(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
        return std::tolower(x) == std::tolower(y);
    });
}

const Table* Schema::table(std::string_view name) const {
    const auto found = std::find_if(tables.begin(), tables.end(), [&](const Table& table) {
        return same_name(table.name, name);
    });
    return found == tables.end() ? nullptr : &*found;
}

const Field* Schema::column(std::string_view of, std::string_view name) const {
    const Table* found = table(of);
    return found == nullptr ? nullptr : named(found->columns, name);
}

const Field* Schema::measure(std::string_view name, const Table** of) const {
    for (const Table& table : tables) {
        if (const Field* field = named(table.measures, name)) {
            if (of != nullptr) {
                *of = &table;
            }
            return field;
        }
    }
    return nullptr;
}

ColumnName parse_column(std::string_view text) {
    ColumnName name;
    std::size_t at = 0;
    if (text.starts_with('\'')) {
        name.table = taken(text, at, '\'', '\'');
    } else {
        at = std::min(text.find('['), text.size());
        name.table = std::string(text.substr(0, at));
    }
    name.column = taken(text, at, '[', ']');
    if (at != text.size() || name.table.empty() || name.column.empty()) {
        fail("it is not written as 'Table'[Column]");
    }
    return name;
}

Schema parse_schema(std::string_view text) {
    const json object = json::parse(text, nullptr, false);
    if (!object.is_object()) {
        fail("it is not a JSON object");
    }
    Schema schema;
    std::size_t fields = 0;
    for (const json& one : items_of(member(object, "tables"))) {
        Table table;
        table.name = name_in(one, "table " + std::to_string(schema.tables.size() + 1));
        table.description = description_in(one);
        const json& common = member(one, "common");
        table.common = common.is_boolean() && common.get<bool>();
        table.columns = fields_in(member(one, "columns"), table.name);
        table.measures = fields_in(member(one, "measures"), table.name);
        fields += table.columns.size() + table.measures.size();
        if (schema.table(table.name) != nullptr) {
            fail("the table " + table.name + " stands there twice");
        }
        schema.tables.push_back(std::move(table));
    }
    if (schema.tables.empty() || schema.tables.size() > kMaxTables || fields == 0 ||
        fields > kMaxFields) {
        fail("it describes " + std::to_string(schema.tables.size()) + " tables with " +
             std::to_string(fields) + " columns and measures, not 1 to " +
             std::to_string(kMaxTables) + " with 1 to " + std::to_string(kMaxFields));
    }
    return schema;
}

Schema read_schema(const std::string& path) {
    return parse_schema(read_small_file(path, kMaxSchemaFileBytes));
}

std::string described(const Schema& schema) {
    std::string out;
    for (const Table& table : schema.tables) {
        out += "table " + quoted_table(table.name) +
               (table.common ? " (belongs to no project)" : "") +
               (table.description.empty() ? "" : ": " + table.description) + "\n";
        for (const Field& column : table.columns) {
            add_field(out, "column " + quoted_table(table.name) + quoted_column(column.name),
                      column);
        }
        for (const Field& measure : table.measures) {
            add_field(out, "measure " + quoted_column(measure.name), measure);
        }
    }
    return out;
}

std::string quoted_table(std::string_view name) {
    return between('\'', '\'', name);
}

std::string quoted_column(std::string_view name) {
    return between('[', ']', name);
}

} // namespace mr::powerbi

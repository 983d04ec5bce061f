#include "worker/providers/powerbi/dax.h"

#include "worker/providers/powerbi/dax_tokens.h"

#include <algorithm>
#include <array>
#include <set>

namespace mr::powerbi {
namespace {

using Kind = Token::Kind;

constexpr std::size_t kMaxShownBytes = 60; // of a name in an error

constexpr auto kFunctions = std::to_array<std::string_view>(
    {// of groups of rows
     "average", "averagex", "concatenatex", "count", "counta", "countax", "countblank", "countrows",
     "countx", "distinctcount", "distinctcountnoblank", "max", "maxx", "median", "medianx", "min",
     "minx", "percentile.inc", "percentilex.inc", "product", "productx", "rankx", "stdev.p",
     "stdev.s", "stdevx.p", "stdevx.s", "sum", "sumx", "var.p", "var.s",
     // that make tables, all of them from rows under the filter
     "addcolumns", "crossjoin", "currentgroup", "distinct", "filter", "generate", "generateseries",
     "groupby", "ignore", "keepfilters", "naturalinnerjoin", "relatedtable", "row", "selectcolumns",
     "summarize", "summarizecolumns", "topn", "values",
     // of a row or a context
     "calculate", "calculatetable", "earlier", "hasonevalue", "isblank", "isempty", "isnumber",
     "istext", "related", "selectedvalue",
     // of values
     "abs", "and", "blank", "ceiling", "coalesce", "containsstring", "convert", "currency",
     "divide", "exact", "exp", "false", "find", "fixed", "floor", "format", "if", "iferror", "int",
     "left", "len", "ln", "log", "log10", "lower", "mid", "mod", "not", "or", "power", "quotient",
     "replace", "right", "round", "rounddown", "roundup", "search", "sign", "sqrt", "substitute",
     "switch", "trim", "true", "trunc", "upper", "value",
     // of time
     "calendar", "date", "dateadd", "datediff", "datesbetween", "datesinperiod", "datesmtd",
     "datesqtd", "datesytd", "datevalue", "day", "edate", "endofmonth", "endofquarter", "endofyear",
     "eomonth", "firstdate", "hour", "lastdate", "minute", "month", "now", "parallelperiod",
     "previousday", "previousmonth", "previousquarter", "previousyear", "quarter",
     "sameperiodlastyear", "second", "startofmonth", "startofquarter", "startofyear", "time",
     "today", "totalmtd", "totalqtd", "totalytd", "weekday", "weeknum", "year"});

// Their arguments behind the first one are filters.
constexpr auto kFiltering = std::to_array<std::string_view>(
    {"calculate", "calculatetable", "totalmtd", "totalqtd", "totalytd"});

constexpr auto kWords = std::to_array<std::string_view>(
    {"asc", "boolean", "day", "dense", "desc", "double", "false", "in", "integer", "month", "not",
     "quarter", "return", "skip", "string", "true", "var", "year"});
constexpr auto kBeforeBracket = std::to_array<std::string_view>({"in", "not", "return"});

template <typename List> bool contains(const List& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

std::string shown(const std::string& name) {
    return "'" + name.substr(0, kMaxShownBytes) + "'";
}

// Walks the tokens once: brackets that match, names that are described, one EVALUATE.
class Reader {
  public:
    Reader(std::string_view text, const Schema& schema, const ColumnName* project)
        : text_(text), schema_(schema), project_(project), tokens_(tokens_of(text)) {}

    Dax read() {
        if (now().word("define")) {
            define();
        }
        if (!now().word("evaluate")) {
            refuse_dax("it is not one EVALUATE");
        }
        const std::size_t begin = now().end;
        ++at_;
        while (now().kind != Kind::end && !(open_.empty() && now().word("order"))) {
            if (open_.empty() && now().sign(",")) {
                refuse_dax("there is more than one table behind EVALUATE");
            }
            step();
        }
        close_all();
        dax_.expression = text_.substr(begin, now().begin - begin);
        if (dax_.expression.find_first_not_of(" \t\r\n") == std::string::npos) {
            refuse_dax("there is no table behind EVALUATE");
        }
        order();
        return std::move(dax_);
    }

  private:
    struct Bracket {
        char close = ')';
        bool filtering = false; // a function of kFiltering
        bool in_filter = false; // inside a filter of one further out
        std::size_t argument = 0;
    };

    const Token& now() const { return tokens_[at_]; }
    const Token& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }

    // DEFINE MEASURE 'T'[@x] = …; variables and tables of a whole query are evaluated outside the
    // filter.
    void define() {
        const std::size_t begin = now().begin;
        ++at_;
        if (!now().word("measure")) {
            refuse_dax("DEFINE may only define measures");
        }
        while (now().kind != Kind::end && !now().word("evaluate")) {
            if (!open_.empty() || !now().word("measure")) {
                for (const char* word : {"var", "table", "column", "function"}) {
                    if (open_.empty() && now().word(word)) {
                        refuse_dax("DEFINE may only define measures; variables of a measure stand "
                                   "in brackets");
                    }
                }
                step();
                continue;
            }
            ++at_;
            if ((now().kind != Kind::table && now().kind != Kind::word) ||
                next().kind != Kind::column || !next().text.starts_with('@')) {
                refuse_dax("a measure is defined as 'Table'[@name]");
            }
            if (schema_.table(now().text) == nullptr) {
                unknown_table(now());
            }
            at_ += 2;
        }
        close_all();
        dax_.define = text_.substr(begin, now().begin - begin);
    }

    void order() {
        if (now().kind == Kind::end) {
            return;
        }
        ++at_;
        if (!now().word("by")) {
            refuse_dax("ORDER stands without BY");
        }
        do {
            ++at_;
            const std::size_t begin = now().begin;
            if (now().kind == Kind::column) {
                bare_column();
            } else {
                qualified_column();
            }
            Dax::Key key;
            key.column = text_.substr(begin, now().end - begin);
            ++at_;
            key.descending = now().word("desc");
            at_ += key.descending || now().word("asc") ? 1 : 0;
            dax_.order.push_back(std::move(key));
        } while (now().sign(",") && dax_.order.size() < kMaxOrderKeys);
        if (now().kind != Kind::end) {
            refuse_dax("something stands behind ORDER BY and its columns");
        }
    }

    void step() {
        switch (now().kind) {
        case Kind::table:
            if (next().kind == Kind::column) {
                qualified_column();
            } else {
                known_table(now());
            }
            break;
        case Kind::column:
            bare_column();
            break;
        case Kind::word:
            word();
            break;
        case Kind::sign:
            sign();
            break;
        default:
            break;
        }
        ++at_;
    }

    void word() {
        const std::string& name = now().text;
        if (next().sign("(")) {
            if (!contains(kFunctions, name) && !contains(kBeforeBracket, name)) {
                refuse_dax("the function " + shown(name) + " is not allowed");
            }
        } else if (name == "var" && next().kind == Kind::word) {
            ++at_;
            variables_.insert(now().text);
        } else if (next().kind == Kind::column && !contains(kBeforeBracket, name)) {
            qualified_column();
        } else if (!contains(kWords, name) && !variables_.contains(name)) {
            known_table(now());
        }
    }

    void sign() {
        const char c = now().text[0];
        if (c == '(' || c == '{') {
            if (open_.size() == kMaxDaxDepth) {
                refuse_dax("its brackets are nested too deeply");
            }
            Bracket bracket;
            bracket.close = c == '(' ? ')' : '}';
            bracket.in_filter = in_filter();
            const Token* before = at_ > 0 ? &tokens_[at_ - 1] : nullptr;
            bracket.filtering = c == '(' && before != nullptr && before->kind == Kind::word &&
                                contains(kFiltering, before->text);
            open_.push_back(bracket);
        } else if (c == ')' || c == '}') {
            if (open_.empty() || open_.back().close != c) {
                refuse_dax("its brackets do not match");
            }
            open_.pop_back();
        } else if (c == ',' && !open_.empty()) {
            ++open_.back().argument;
        }
    }

    bool in_filter() const {
        return !open_.empty() &&
               (open_.back().in_filter || (open_.back().filtering && open_.back().argument > 0));
    }

    void close_all() const {
        if (!open_.empty()) {
            refuse_dax("its brackets do not match");
        }
    }

    [[noreturn]] static void unknown_table(const Token& token) {
        refuse_dax(shown(token.text) + " is no described table");
    }

    const Table& known_table(const Token& token) {
        const Table* table = schema_.table(token.text);
        if (table == nullptr) {
            unknown_table(token);
        }
        dax_.of_projects = dax_.of_projects || !table->common;
        return *table;
    }

    // Leaves at_ on the column.
    void qualified_column() {
        const Table& table = known_table(now());
        ++at_;
        if (now().kind != Kind::column) {
            refuse_dax("a column is missing behind " + shown(table.name));
        }
        if (schema_.column(table.name, now().text) == nullptr) {
            known_measure();
        }
        no_call();
        const bool of_project = project_ != nullptr && same_name(table.name, project_->table) &&
                                same_name(now().text, project_->column);
        project_outside_filters(of_project);
    }

    // A measure, or a column of the query's own. Others need their table: a measure that is not
    // described may have a described column's name.
    void bare_column() {
        known_measure();
        no_call();
    }

    void known_measure() {
        const Table* table = nullptr;
        const bool own = now().text.starts_with('@');
        if (!own && schema_.measure(now().text, &table) == nullptr) {
            refuse_dax(shown(now().text) + " is no described column or measure: columns need "
                                           "their table, names of the query's own begin with @");
        }
        dax_.of_projects = dax_.of_projects || (table != nullptr && !table->common);
    }

    // [Measure](filter) is CALCULATE in other words.
    void no_call() const {
        if (next().sign("(")) {
            refuse_dax("a measure is called like a function");
        }
    }

    void project_outside_filters(bool of_project) const {
        if (of_project && in_filter()) {
            refuse_dax("it filters by the project, which is done for it");
        }
    }

    std::string_view text_;
    const Schema& schema_;
    const ColumnName* project_;
    std::vector<Token> tokens_;
    std::size_t at_ = 0;
    std::vector<Bracket> open_;
    std::set<std::string> variables_;
    Dax dax_;
};

// A value as DAX has it. Control characters have been refused before.
std::string literal(const std::string& value, bool numeric) {
    if (numeric) {
        return value;
    }
    std::string out = "\"";
    for (const char c : value) {
        out += c;
        if (c == '"') {
            out += c;
        }
    }
    return out + "\"";
}

} // namespace

Dax read_dax(std::string_view text, const Schema& schema, const ColumnName* project) {
    if (text.size() > kMaxDaxBytes) {
        refuse_dax("it is too long");
    }
    return Reader(text, schema, project).read();
}

std::string confined(const Dax& dax, std::uint64_t max_rows, const ColumnName& project,
                     const std::vector<std::string>& values, bool numeric) {
    std::string top = "TOPN(" + std::to_string(max_rows) + ", " + dax.expression;
    std::string order;
    for (const Dax::Key& key : dax.order) {
        const std::string direction = key.descending ? "DESC" : "ASC";
        top += ", " + key.column + ", " + direction;
        order += (order.empty() ? "\nORDER BY " : ", ") + key.column + " " + direction;
    }
    top += ")";
    if (values.empty()) {
        return dax.define + "EVALUATE " + top + order;
    }
    std::string list;
    for (const std::string& value : values) {
        list += (list.empty() ? "" : ", ") + literal(value, numeric);
    }
    return dax.define + "EVALUATE CALCULATETABLE(" + top + ", TREATAS({" + list + "}, " +
           quoted_table(project.table) + quoted_column(project.column) + "))" + order;
}

} // namespace mr::powerbi

#include "worker/providers/bigquery/guard.h"

#include "worker/providers/bigquery/tokens.h"
#include "worker/providers/bigquery/words.h"
#include "worker/providers/interfaces.h"
#include "worker/tools/sql_guard.h"

#include <algorithm>
#include <set>

namespace mr::bigquery {
namespace {

constexpr std::size_t kMaxDepth = 100; // of parentheses

// Clauses of a query behind its FROM.
constexpr std::string_view kBehindFrom = " where group having qualify window order limit union "
                                         "intersect except ";

// What the guard knows between an opening parenthesis and its end.
struct Frame {
    char close = ')';
    std::string function;   // whose arguments these are
    bool in_from = false;   // commas part tables
    bool table_due = false; // a table, or a parenthesis in its place, comes next
    bool in_with = false;   // commas part WITH clauses
    bool part_due = false;  // the name of a WITH clause comes next
};

class Walk {
  public:
    Walk(std::string_view sql, const Tables& known)
        : known_(known), tokens_(tokens_of(sql)), frames_(1) {}

    void walk() {
        if (tokens_.empty()) {
            refuse("it is empty");
        }
        if (!tokens_[0].is("select") && !tokens_[0].is("with")) {
            refuse("only SELECT is allowed");
        }
        for (at_ = 0; at_ < tokens_.size(); ++at_) {
            step(tokens_[at_]);
        }
        if (frames_.size() != 1 || frames_[0].table_due || frames_[0].part_due) {
            refuse("it ends too early");
        }
        check_reads();
        check_paths();
    }

    const std::vector<Token>& tokens() const { return tokens_; }
    const std::vector<const Table*>& tables() const { return tables_; }

  private:
    Frame& frame() { return frames_.back(); }
    // A sign where there is none.
    const Token& near(std::size_t back, std::size_t ahead) const {
        static const Token none{TokenKind::sign, ";", 0, 0};
        return at_ < back || at_ - back + ahead >= tokens_.size() ? none
                                                                  : tokens_[at_ - back + ahead];
    }
    const Token& before(std::size_t back = 1) const { return near(back, 0); }
    const Token& next() const { return near(0, 1); }

    void step(const Token& token) {
        if (token.sign('(') || token.sign('[')) {
            open(token);
        } else if (token.sign(')') || token.sign(']')) {
            close(token);
        } else if (token.sign(',')) {
            comma();
        } else if (token.sign('.') && !frame().table_due) {
            dot(token);
        } else if (frame().part_due) {
            part(token);
        } else if (token.name() && before().sign('.') && !frame().table_due) {
            trailing(token);
        } else if (token.kind == TokenKind::word && keyword(token)) {
            return;
        } else if (frame().table_due) {
            table(token);
        } else if (token.name()) {
            name(token);
        }
    }

    void open(const Token& token) {
        if (frames_.size() == kMaxDepth) {
            refuse("it is nested too deeply");
        }
        Frame inner;
        inner.close = token.sign('(') ? ')' : ']';
        if (frame().part_due) {
            refuse("a WITH clause has no name");
        }
        if (frame().table_due) {
            if (token.sign('[')) {
                refuse("a table's name is missing");
            }
            frame().table_due = false;
            inner.in_from = inner.table_due = true; // or a query: then SELECT says so
        } else if (token.sign('(') && before().name()) {
            inner.function = before().text;
        }
        frames_.push_back(std::move(inner));
    }

    void close(const Token& token) {
        const bool fits = frames_.size() > 1 && token.sign(frame().close);
        if (!fits || frame().table_due || frame().part_due) {
            refuse("its parentheses do not fit");
        }
        frames_.pop_back();
    }

    void comma() {
        if (frame().table_due || frame().part_due) {
            refuse("a name is missing before a comma");
        }
        frame().table_due = frame().in_from;
        frame().part_due = frame().in_with;
    }

    // Whatever stands behind a dot is a name, also FROM. Where readers could differ on that,
    // nothing passes.
    void dot(const Token& token) const {
        const Token& last = before();
        const bool behind = last.name() || last.sign(')') || last.sign(']');
        const bool joined = last.end == token.begin && next().begin == token.end;
        const bool clear = !next().is("select") && !next().is("from") && !next().is("join") &&
                           !next().is("with") && (next().name() || next().sign('*'));
        if (!behind || !joined || !clear) {
            refuse("a dot in it has no place there");
        }
    }

    // True: it was one, and is dealt with.
    bool keyword(const Token& token) {
        if (is_forbidden(token.text)) {
            refuse(token.text + " is not allowed");
        }
        if (token.is("select")) {
            frame().in_from = frame().table_due = frame().in_with = false;
        } else if (token.is("from")) {
            from();
        } else if (token.is("join")) {
            if (!frame().in_from || frame().table_due) {
                refuse("JOIN has no place there");
            }
            frame().table_due = true;
        } else if (token.is("with")) {
            with();
        } else if (kBehindFrom.find(" " + token.text + " ") != std::string_view::npos) {
            if (frame().table_due) {
                refuse("a table's name is missing");
            }
            frame().in_from = false;
        } else if (frame().table_due && !token.is("unnest")) {
            return false;
        } else if (token.is("unnest")) {
            if (!next().sign('(')) {
                refuse("UNNEST is no name");
            }
            frame().table_due = false;
        }
        return is_keyword(token.text);
    }

    void from() {
        Frame& here = frame();
        if (here.function == "extract") { // EXTRACT(YEAR FROM x)
            here.function.clear();
            return;
        }
        const bool distinct = before().is("distinct");
        if (distinct && (before(2).is("is") || (before(2).is("not") && before(3).is("is")))) {
            return; // x IS NOT DISTINCT FROM y
        }
        if (here.in_from) {
            refuse("FROM has no place there");
        }
        here.in_from = here.table_due = true;
    }

    void with() {
        if (next().is("offset") && frame().in_from && !frame().table_due) {
            return; // UNNEST(x) WITH OFFSET
        }
        const bool begins = at_ == 0 || before().sign('(');
        if (!begins || !next().name()) {
            refuse("WITH has no place there");
        }
        frame().in_from = frame().table_due = false;
        frame().in_with = frame().part_due = true;
    }

    // name AS (
    void part(const Token& token) {
        const bool good = token.kind == TokenKind::quoted_name ||
                          (token.kind == TokenKind::word && !is_keyword(token.text));
        if (!good || !next().is("as") || !near(0, 2).sign('(')) {
            refuse(is_forbidden(token.text) ? token.text + " is not allowed"
                                            : "a WITH clause is not of the form: name AS (query)");
        }
        declared_.insert(token.text);
        if (known_.find(token.text) != nullptr) {
            refuse("a part of it has the name of a table: " + token.text);
        }
        parts_.insert(token.text);
        frame().part_due = false;
    }

    void table(const Token& token) {
        const bool good = token.kind == TokenKind::quoted_name ||
                          (token.kind == TokenKind::word && !is_keyword(token.text));
        if (!good) {
            refuse("a table's name is missing");
        }
        if (next().sign('.') || next().sign('-')) {
            refuse("tables are named by their short names alone, without a dataset; arrays are "
                   "read by UNNEST(alias.column)");
        }
        if (next().sign('(')) {
            refuse("there is no such table: " + token.text);
        }
        frame().table_due = false;
        read_.push_back(token.text);
        declared_.insert(token.text);
    }

    // Behind a dot: a column or a field, or the function of SAFE.
    void trailing(const Token& token) const {
        if (token.text == "information_schema") {
            refuse("information_schema is not allowed");
        }
        const bool called = next().sign('(');
        const bool safe = before(2).is("safe") && !before(3).sign('.');
        if (called && !(safe && token.kind == TokenKind::word && is_function(token.text))) {
            refuse("there is no such function: " + before(2).text + "." + token.text);
        }
        if (safe && !called) {
            refuse("SAFE is no name");
        }
    }

    void name(const Token& token) {
        const Token& last = before();
        if (next().sign('(')) {
            if (!is_function(token.text)) {
                refuse("there is no such function: " + token.text);
            }
            return;
        }
        const bool alias = last.is("as") || (frame().in_from && behind_a_table(last));
        if (alias) {
            declared_.insert(token.text);
            alias_of_a_table(token);
        }
        if (next().sign('.') && !(token.is("safe") && near(0, 3).sign('('))) {
            firsts_.insert(token.text);
        }
    }

    static bool behind_a_table(const Token& last) {
        return last.sign(')') || last.kind == TokenKind::quoted_name || last.is("offset") ||
               (last.kind == TokenKind::word && !is_keyword(last.text));
    }

    // A table may be called by its own name or another one, not by that of another table.
    void alias_of_a_table(const Token& token) const {
        const bool own = before().text == token.text || before(2).text == token.text;
        if (frames_.back().in_from && known_.find(token.text) != nullptr && !own) {
            refuse("a part of it has the name of a table: " + token.text);
        }
    }

    void check_reads() {
        for (const std::string& name : read_) {
            const Table* table = known_.find(name);
            if (table == nullptr && !parts_.contains(name)) {
                refuse("there is no such table: " + name);
            }
            if (table != nullptr &&
                std::find(tables_.begin(), tables_.end(), table) == tables_.end()) {
                tables_.push_back(table);
            }
        }
    }

    // The first name of every path is one that the query has given to something.
    void check_paths() const {
        for (const std::string& first : firsts_) {
            if (known_.holds_name(first) || !declared_.contains(first)) {
                refuse("it is not known what " + first +
                       " is: write alias.column, with the alias of a table");
            }
        }
    }

    const Tables& known_;
    std::vector<Token> tokens_;
    std::size_t at_ = 0;
    std::vector<Frame> frames_;
    std::vector<std::string> read_;  // names in the places of tables
    std::set<std::string> parts_;    // of WITH
    std::set<std::string> declared_; // names that a path may begin with
    std::set<std::string> firsts_;   // that paths begin with
    std::vector<const Table*> tables_;
};

// Names are plain (parse_tables), so quotes hold them.
std::string clause_of(const Table& table, bool confined) {
    std::string clause = "`" + table.name + "` AS (SELECT * FROM `" + table.path() + "`";
    if (confined) {
        clause += " WHERE CAST(`" + table.project_column + "` AS STRING) IN UNNEST(@" +
                  std::string(kProjectsParameter) + ")";
    }
    return clause + ")";
}

} // namespace

Guarded guard_query(std::string_view sql, const Tables& tables, bool filtered) {
    if (sql.size() > kMaxSqlBytes) {
        refuse("it is too long");
    }
    Walk walk(sql, tables);
    walk.walk();
    Guarded guarded;
    guarded.tables = walk.tables();
    std::string clauses;
    for (const Table* table : guarded.tables) {
        const bool confined = filtered && table->scoped();
        guarded.scoped = guarded.scoped || confined;
        clauses += (clauses.empty() ? "" : ", ") + clause_of(*table, confined);
    }
    if (filtered && !guarded.scoped) {
        throw QueryRefused(ProviderFault::filter,
                           "the project filter cannot be applied to this query",
                           "projects are in scope, and it reads no table that belongs to them");
    }
    const bool with = walk.tokens()[0].is("with");
    const std::string_view rest = with ? sql.substr(walk.tokens()[0].end) : sql;
    if (clauses.empty()) {
        guarded.sql = sql;
    } else {
        guarded.sql = "WITH " + clauses + (with ? "," : "\n") + std::string(rest);
    }
    return guarded;
}

} // namespace mr::bigquery

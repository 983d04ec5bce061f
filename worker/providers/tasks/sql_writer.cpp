// A query for a question, from the described schema, in the language of the engine that is to run
// it.
#include "worker/pipeline/prompts/prompts.h"
#include "worker/providers/powerbi/dax.h"
#include "worker/providers/tasks/conversation.h"
#include "worker/providers/tasks/structured.h"
#include "worker/providers/tasks/tasks.h"
#include "worker/tools/sql_guard.h"
#include "worker/tools/tool.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mr::tasks {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTitleBytes = 200;
constexpr std::size_t kMaxColumns = 64;
constexpr std::size_t kMaxColumnNameBytes = 200;
constexpr std::size_t kMaxReasonBytes = 1000;

// What a model is told of a language that it is to write in, and how it gives the query back.
struct Language {
    SqlDialect dialect;
    std::string_view prompt;
    std::string_view reply;  // name of its schema
    const char* field;       // that holds the query
    std::string_view called; // the field's description
    std::string_view columns;
    std::size_t max_bytes;    // longer ones are refused
    std::string_view nothing; // for users, when there is no query
};
constexpr Language kLanguages[] = {
    {SqlDialect::sqlite, "sql.v1", "query", "sql",
     "one SELECT statement, or empty when the tables cannot answer", "of the result, in order",
     kMaxSqlBytes, "the tables cannot answer this"},
    {SqlDialect::bigquery, "sql_bigquery.v1", "query", "sql",
     "one SELECT statement, or empty when the tables cannot answer", "of the result, in order",
     kMaxSqlBytes, "the tables cannot answer this"},
    {SqlDialect::dax, "dax.v1", "dax_query", "dax",
     "one EVALUATE, or empty when the model cannot answer",
     "of the result, in order: the label first, names without table and brackets",
     powerbi::kMaxDaxBytes, "the semantic model cannot answer this"},
};

const Language& language_of(SqlDialect dialect) {
    return *std::find_if(std::begin(kLanguages), std::end(kLanguages),
                         [dialect](const Language& one) { return one.dialect == dialect; });
}

ReplySchema reply_schema(const Language& language) {
    ReplySchema out;
    out.name = language.reply;
    const json column =
        object_schema({{"name", text_schema("as in the result")},
                       {"kind", choice_schema({"money", "count", "number", "percent", "date",
                                               "month", "year", "text", "id"},
                                              "what its values are")}});
    out.schema = object_schema({{language.field, text_schema(language.called)},
                                {"title", text_schema("what the rows show, a few words")},
                                {"columns", list_schema(column, language.columns)}});
    return out;
}

// Without blanks and semicolons around it.
std::string trimmed(const std::string& sql) {
    constexpr std::string_view kAround = " \t\r\n;";
    const std::size_t begin = sql.find_first_not_of(kAround);
    const std::size_t end = sql.find_last_not_of(kAround);
    return begin == std::string::npos ? std::string() : sql.substr(begin, end - begin + 1);
}

SqlQuery query_of(const json& object, const Language& language) {
    SqlQuery query;
    query.sql = trimmed(text_field(object, language.field, language.max_bytes + 1));
    query.title = text_field(object, "title", kMaxTitleBytes);
    std::replace(query.title.begin(), query.title.end(), '\n', ' ');
    json columns = json::array();
    for (const json& one : list_field(object, "columns")) {
        json column;
        std::string name = text_field(one, "name", kMaxColumnNameBytes);
        const bool own = name.starts_with('@'); // how DAX marks names made by the query
        column["name"] = own ? name.substr(1) : std::move(name);
        column["kind"] = text_field(one, "kind", kMaxColumnNameBytes);
        if (columns.size() < kMaxColumns) {
            columns.push_back(std::move(column));
        }
    }
    query.meaning["columns"] = std::move(columns);
    return query;
}

// The query that came back, as a reply of the model's own, and why.
void add_refused(const RefusedQuery& refused, const Language& language, ModelRequest& asked) {
    json reply;
    reply[language.field] = refused.sql;
    asked.messages.push_back(
        {Speaker::assistant, reply.dump(-1, ' ', false, json::error_handler_t::replace)});
    asked.messages.push_back({Speaker::user, std::string(prompt("sql_again.v1")) +
                                                 clipped(refused.reason, kMaxReasonBytes)});
}

class ModelSqlWriter final : public SqlWriter {
  public:
    explicit ModelSqlWriter(std::shared_ptr<ChatModel> model) : model_(std::move(model)) {}

    Task<SqlQuery> write(const SqlRequest& request, CallContext& call) override {
        const Language& language = language_of(request.dialect);
        const ReplySchema reply_form = reply_schema(language);
        ModelRequest asked;
        asked.system = std::string(prompt(language.prompt)) + "\n" + request.schema;
        asked.schema = &reply_form;
        asked.messages = history_messages(request.question);
        asked.messages.push_back({Speaker::user, "Question: " + request.question.text +
                                                     "\n\nTo be queried: " + request.input + "\n" +
                                                     scope_text(request.scope)});
        if (request.refused) {
            add_refused(*request.refused, language, asked);
        }
        const json reply = co_await ask_for_object(*model_, asked, call);
        SqlQuery query = query_of(reply, language);
        if (query.sql.empty()) {
            throw ProviderError(ProviderFault::bad_request, std::string(language.nothing));
        }
        if (request.refused && request.dialect == SqlDialect::sqlite) {
            check_sql_text(query.sql); // wrong again: the next writer is asked
        }
        co_return query;
    }

  private:
    std::shared_ptr<ChatModel> model_;
};

} // namespace

std::unique_ptr<SqlWriter> make_sql_writer(std::shared_ptr<ChatModel> model) {
    return std::make_unique<ModelSqlWriter>(std::move(model));
}

} // namespace mr::tasks

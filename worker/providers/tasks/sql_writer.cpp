// A query for a question, from the described schema.
#include "worker/pipeline/prompts/prompts.h"
#include "worker/providers/tasks/conversation.h"
#include "worker/providers/tasks/structured.h"
#include "worker/providers/tasks/tasks.h"
#include "worker/tools/sql_guard.h"
#include "worker/tools/tool.h"

#include <algorithm>
#include <utility>

namespace mr::tasks {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTitleBytes = 200;
constexpr std::size_t kMaxColumns = 64;
constexpr std::size_t kMaxColumnNameBytes = 200;
constexpr std::size_t kMaxReasonBytes = 1000;

ReplySchema reply_schema() {
    ReplySchema out;
    out.name = "query";
    const json column =
        object_schema({{"name", text_schema("as in the result")},
                       {"kind", choice_schema({"money", "count", "number", "percent", "date",
                                               "month", "year", "text", "id"},
                                              "what its values are")}});
    out.schema = object_schema(
        {{"sql", text_schema("one SELECT statement, or empty when the tables cannot answer")},
         {"title", text_schema("what the rows show, a few words")},
         {"columns", list_schema(column, "of the result, in order")}});
    return out;
}

// Without blanks and semicolons around it.
std::string trimmed(const std::string& sql) {
    constexpr std::string_view kAround = " \t\r\n;";
    const std::size_t begin = sql.find_first_not_of(kAround);
    const std::size_t end = sql.find_last_not_of(kAround);
    return begin == std::string::npos ? std::string() : sql.substr(begin, end - begin + 1);
}

SqlQuery query_of(const json& object) {
    SqlQuery query;
    query.sql = trimmed(text_field(object, "sql", kMaxSqlBytes + 1)); // longer ones are refused
    query.title = text_field(object, "title", kMaxTitleBytes);
    std::replace(query.title.begin(), query.title.end(), '\n', ' ');
    json columns = json::array();
    for (const json& one : list_field(object, "columns")) {
        json column;
        column["name"] = text_field(one, "name", kMaxColumnNameBytes);
        column["kind"] = text_field(one, "kind", kMaxColumnNameBytes);
        if (columns.size() < kMaxColumns) {
            columns.push_back(std::move(column));
        }
    }
    query.meaning["columns"] = std::move(columns);
    return query;
}

std::string_view prompt_for(SqlDialect dialect) {
    return prompt(dialect == SqlDialect::bigquery ? "sql_bigquery.v1" : "sql.v1");
}

// The query that came back, as a reply of the model's own, and why.
void add_refused(const RefusedQuery& refused, ModelRequest& asked) {
    json reply;
    reply["sql"] = refused.sql;
    asked.messages.push_back(
        {Speaker::assistant, reply.dump(-1, ' ', false, json::error_handler_t::replace)});
    asked.messages.push_back({Speaker::user, std::string(prompt("sql_again.v1")) +
                                                 clipped(refused.reason, kMaxReasonBytes)});
}

class ModelSqlWriter final : public SqlWriter {
  public:
    explicit ModelSqlWriter(std::shared_ptr<ChatModel> model)
        : model_(std::move(model)), schema_(reply_schema()) {}

    Task<SqlQuery> write(const SqlRequest& request, CallContext& call) override {
        ModelRequest asked;
        asked.system = std::string(prompt_for(request.dialect)) + "\n" + request.schema;
        asked.schema = &schema_;
        asked.messages = history_messages(request.question);
        asked.messages.push_back({Speaker::user, "Question: " + request.question.text +
                                                     "\n\nTo be queried: " + request.input + "\n" +
                                                     scope_text(request.scope)});
        if (request.refused) {
            add_refused(*request.refused, asked);
        }
        const json reply = co_await ask_for_object(*model_, asked, call);
        SqlQuery query = query_of(reply);
        if (query.sql.empty()) {
            throw ProviderError(ProviderFault::bad_request, "the tables cannot answer this");
        }
        if (request.refused && request.dialect == SqlDialect::sqlite) {
            check_sql_text(query.sql); // wrong again: the next writer is asked
        }
        co_return query;
    }

  private:
    std::shared_ptr<ChatModel> model_;
    ReplySchema schema_;
};

} // namespace

std::unique_ptr<SqlWriter> make_sql_writer(std::shared_ptr<ChatModel> model) {
    return std::make_unique<ModelSqlWriter>(std::move(model));
}

} // namespace mr::tasks

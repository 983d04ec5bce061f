#include "worker/providers/tasks/dax_writer.h"

#include "worker/pipeline/prompts/prompts.h"
#include "worker/providers/powerbi/dax.h"
#include "worker/providers/tasks/conversation.h"
#include "worker/providers/tasks/structured.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace mr::tasks {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTitleBytes = 200;
constexpr std::size_t kMaxColumns = 64;
constexpr std::size_t kMaxColumnNameBytes = 200;

ReplySchema reply_schema() {
    ReplySchema out;
    out.name = "dax_query";
    const json column =
        object_schema({{"name", text_schema("as in the result, without table and brackets")},
                       {"kind", choice_schema({"money", "count", "number", "percent", "date",
                                               "month", "year", "text", "id"},
                                              "what its values are")}});
    out.schema = object_schema(
        {{"dax", text_schema("one EVALUATE, or empty when the model cannot answer")},
         {"title", text_schema("what the rows show, a few words")},
         {"columns", list_schema(column, "of the result, in order: the label first")}});
    return out;
}

SqlQuery query_of(const json& object) {
    SqlQuery query;
    query.sql = text_field(object, "dax", powerbi::kMaxDaxBytes + 1); // longer ones are refused
    query.title = text_field(object, "title", kMaxTitleBytes);
    std::replace(query.title.begin(), query.title.end(), '\n', ' ');
    json columns = json::array();
    for (const json& one : list_field(object, "columns")) {
        json column;
        std::string name = text_field(one, "name", kMaxColumnNameBytes);
        column["name"] = name.starts_with('@') ? name.substr(1) : name;
        column["kind"] = text_field(one, "kind", kMaxColumnNameBytes);
        if (columns.size() < kMaxColumns) {
            columns.push_back(std::move(column));
        }
    }
    query.meaning["columns"] = std::move(columns);
    return query;
}

class ModelDaxWriter final : public SqlWriter {
  public:
    ModelDaxWriter(std::shared_ptr<ChatModel> model, std::shared_ptr<const powerbi::Schema> schema,
                   powerbi::ColumnName project)
        : model_(std::move(model)), schema_(std::move(schema)), project_(std::move(project)),
          reply_(reply_schema()) {}

    Task<SqlQuery> write(const SqlRequest& request, CallContext& call) override {
        ModelRequest asked;
        asked.system = std::string(prompt("dax.v1")) + "\n" + std::string(request.schema);
        asked.schema = &reply_;
        asked.messages = history_messages(request.question);
        asked.messages.push_back({Speaker::user, "Question: " + request.question.text +
                                                     "\n\nTo be queried: " + request.input + "\n" +
                                                     scope_text(request.scope)});
        const bool scoped = request.scope.filtered();
        std::string said;
        const json first = co_await ask_for_object(*model_, asked, call, &said);
        SqlQuery query = query_of(first);
        if (query.sql.find_first_not_of(" \t\r\n") == std::string::npos) {
            throw ProviderError(ProviderFault::bad_request,
                                "the semantic model cannot answer this");
        }
        const std::optional<std::string> why = refused(query.sql, scoped);
        if (why) {
            asked.messages.push_back({Speaker::assistant, said});
            asked.messages.push_back({Speaker::user, std::string(prompt("sql_again.v1")) + *why});
            const json second = co_await ask_for_object(*model_, asked, call);
            query = query_of(second);
            powerbi::read_dax(query.sql, *schema_, scoped ? &project_ : nullptr);
        }
        co_return query;
    }

  private:
    // Null: the guard lets it through.
    std::optional<std::string> refused(const std::string& dax, bool scoped) const {
        try {
            powerbi::read_dax(dax, *schema_, scoped ? &project_ : nullptr);
        } catch (const ProviderError& error) {
            return error.what();
        }
        return std::nullopt;
    }

    std::shared_ptr<ChatModel> model_;
    std::shared_ptr<const powerbi::Schema> schema_;
    powerbi::ColumnName project_;
    ReplySchema reply_;
};

} // namespace

std::unique_ptr<SqlWriter> make_dax_writer(std::shared_ptr<ChatModel> model,
                                           std::shared_ptr<const powerbi::Schema> schema,
                                           powerbi::ColumnName project) {
    return std::make_unique<ModelDaxWriter>(std::move(model), std::move(schema),
                                            std::move(project));
}

} // namespace mr::tasks

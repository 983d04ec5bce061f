// The embedded query writer and the engine that runs anybody's queries on the company's data.
#include "worker/data/demo_database.h"
#include "worker/providers/local/embedded.h"
#include "worker/providers/local/intent_parser.h"
#include "worker/providers/local/sql_builder.h"
#include "worker/tools/sql_guard.h"

namespace mr::local {
namespace {

class Writer final : public SqlWriter {
  public:
    explicit Writer(std::shared_ptr<Backend> backend) : backend_(std::move(backend)) {}

    Task<SqlQuery> write(const SqlRequest& request, CallContext&) override {
        const Vocabulary& vocabulary = backend_->vocabulary;
        const Conversation before = conversation_of(request.question, vocabulary);
        Understanding understood = understand(request.question.text, before, vocabulary);
        if (understood.query.empty()) {
            understood = understand(request.input, before, vocabulary);
        }
        co_return build_sql(understood.query, request.scope, vocabulary.today);
    }

  private:
    std::shared_ptr<Backend> backend_;
};

class Engine final : public SqlEngine {
  public:
    explicit Engine(std::shared_ptr<Backend> backend) : backend_(std::move(backend)) {}

    SqlDialect dialect() const override { return SqlDialect::sqlite; }
    Task<std::string> schema(CallContext&) override { co_return std::string(demo_schema_sql()); }

    Task<SqlTable> run(const SqlQuery& query, const ProjectScope& scope,
                       CallContext& call) override {
        if (scope.unanswerable()) {
            throw ProviderError(ProviderFault::filter, "the project filter names no known project");
        }
        const bool scoped = scope.filtered();
        const std::function<SqlTable(sqlite::Database&)> job = [&](sqlite::Database& database) {
            if (scoped) {
                set_scope(database, scope.projects);
            }
            return run_guarded(database, query.sql, scoped);
        };
        const Access access = scoped ? Access::scoped : Access::guarded;
        SqlTable table = co_await backend_->pool.run<SqlTable>(access, job, call.deadline);
        co_return table;
    }

  private:
    std::shared_ptr<Backend> backend_;
};

} // namespace

std::unique_ptr<SqlWriter> make_sql_writer(std::shared_ptr<Backend> backend) {
    return std::make_unique<Writer>(std::move(backend));
}

std::unique_ptr<SqlEngine> make_sql_engine(std::shared_ptr<Backend> backend) {
    return std::make_unique<Engine>(std::move(backend));
}

} // namespace mr::local

#include "worker/tools/query.h"

#include "worker/log.h"
#include "worker/tools/column_kind.h"

#include <optional>
#include <utility>

namespace mr {
namespace {

constexpr std::size_t kMaxLogged = 300; // bytes of a reason

Task<void> write_and_run(SqlEngine& engine, SqlWriter& writer, const ToolRun& run,
                         ToolFinding& finding, CallContext& call) {
    const std::string schema = co_await engine.schema(call);
    const std::string& input = finding.input.empty() ? run.question.text : finding.input;
    SqlRequest request{run.question, run.scope, input, schema, engine.dialect(), {}};
    finding.query = co_await writer.write(request, call);
    std::optional<QueryRefused> refused;
    try {
        finding.table = co_await engine.run(finding.query, run.scope, call);
    } catch (const QueryRefused& error) {
        refused = error;
    }
    if (!refused) {
        co_return;
    }
    log::info("a query is written anew", {{"cause", clipped(refused->reason(), kMaxLogged)}});
    const int before = std::exchange(call.attempts, 1);
    request.refused = RefusedQuery{finding.query.sql, refused->reason()};
    SqlQuery again = co_await writer.write(request, call);
    if (again.sql == finding.query.sql) { // it would be refused again
        throw QueryRefused(*refused);
    }
    finding.query = std::move(again);
    finding.table = co_await engine.run(finding.query, run.scope, call);
    call.attempts += before;
}

} // namespace

Task<void> query_rows(SqlEngine& engine, SqlWriter& writer, const ToolRun& run,
                      ToolFinding& finding, CallContext& call) {
    co_await write_and_run(engine, writer, run, finding, call);
    set_column_kinds(finding.table, finding.query.meaning);
}

} // namespace mr

#include "worker/providers/scripted/scripted.h"

#include "worker/providers/scripted/responder.h"
#include "worker/providers/scripted/script.h"
#include "worker/providers/scripted/steps.h"

#include <iterator>

namespace mr::scripted {
namespace {

constexpr std::string_view kTools[] = {kToolSql, kToolDocuments, kToolCrm};

// A provider whose calls are steps.
class Stepping {
  public:
    explicit Stepping(std::shared_ptr<Steps> steps) : steps_(std::move(steps)) {}

  protected:
    Task<void> step(uint64_t ms, const CallContext& call) { return steps_->run(ms, call); }

  private:
    std::shared_ptr<Steps> steps_;
};

class Extractor final : public ProjectExtractor, Stepping {
  public:
    using Stepping::Stepping;
    Task<ProjectMentions> extract(const Question& question, CallContext& call) override {
        const Script script = parse_script(question.text);
        co_await step(script.phase_ms, call);
        co_return ProjectMentions();
    }
};

class Directory final : public ProjectDirectory {
  public:
    Task<std::vector<ProjectMatch>> lookup(const std::vector<std::string>&, CallContext&) override {
        co_return std::vector<ProjectMatch>();
    }
};

class ScriptRouter final : public Router, Stepping {
  public:
    using Stepping::Stepping;
    Task<RoutePlan> route(const Question& question, const ProjectScope&,
                          CallContext& call) override {
        const Script script = parse_script(question.text);
        co_await step(script.phase_ms, call);
        RoutePlan plan;
        plan.reasoning = "The script names " + std::to_string(script.tools) + " tools.";
        for (uint64_t i = 0; i < script.tools; ++i) {
            ToolCall planned;
            planned.tool = kTools[i % std::size(kTools)];
            planned.input = "step " + std::to_string(i + 1);
            plan.calls.push_back(std::move(planned));
        }
        co_return plan;
    }
};

class Writer final : public SqlWriter {
  public:
    Task<SqlQuery> write(const SqlRequest& request, CallContext&) override {
        SqlQuery query;
        query.sql = request.question.text; // what the engine works by
        query.title = request.input;
        co_return query;
    }
};

class Engine final : public SqlEngine, Stepping {
  public:
    using Stepping::Stepping;
    SqlDialect dialect() const override { return SqlDialect::sqlite; }
    Task<std::string> schema(CallContext&) override { co_return std::string(); }
    Task<SqlTable> run(const SqlQuery& query, const ProjectScope&, CallContext& call) override {
        const Script script = parse_script(query.sql);
        co_await step(script.tool_ms, call);
        SqlTable table;
        SqlColumn column;
        column.name = "seed";
        column.kind = "number";
        table.columns.push_back(std::move(column));
        table.rows.push_back({script.seed});
        co_return table;
    }
};

class Documents final : public DocumentSearch, Stepping {
  public:
    using Stepping::Stepping;
    Task<DocumentHits> search(const Question& question, const std::string& input,
                              const ProjectScope&, CallContext& call) override {
        const Script script = parse_script(question.text);
        co_await step(script.tool_ms, call);
        DocumentHits hits;
        Document document;
        document.id = std::to_string(script.seed);
        document.title = input;
        hits.documents.push_back(std::move(document));
        hits.total = 1;
        co_return hits;
    }
};

class Crm final : public CrmSearch, Stepping {
  public:
    using Stepping::Stepping;
    Task<CrmHits> search(const Question& question, const std::string&, const ProjectScope&,
                         CallContext& call) override {
        const Script script = parse_script(question.text);
        co_await step(script.tool_ms, call);
        co_return CrmHits();
    }
};

class ScriptMerger final : public Merger, Stepping {
  public:
    using Stepping::Stepping;
    Task<MergedFindings> merge(const MergeRequest& request, CallContext& call) override {
        const Script script = parse_script(request.question.text);
        co_await step(script.phase_ms, call);
        MergedFindings merged;
        merged.summary = "As the script says.";
        co_return merged;
    }
};

} // namespace

std::unique_ptr<Services> make_services(const std::string& upstream) {
    const auto steps = std::make_shared<Steps>(upstream);
    auto services = std::make_unique<Services>();
    services->extractor = std::make_unique<Extractor>(steps);
    services->directory = std::make_unique<Directory>();
    services->router = std::make_unique<ScriptRouter>(steps);
    services->sql_writer = std::make_unique<Writer>();
    services->sql_engine = std::make_unique<Engine>(steps);
    services->documents = std::make_unique<Documents>(steps);
    services->crm = std::make_unique<Crm>(steps);
    services->merger = std::make_unique<ScriptMerger>(steps);
    services->responder = std::make_unique<ScriptResponder>();
    return services;
}

} // namespace mr::scripted

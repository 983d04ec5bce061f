// Chooses the tools from what a question asks for.
#include "worker/providers/local/catalogue.h"
#include "worker/providers/local/describe.h"
#include "worker/providers/local/embedded.h"
#include "worker/providers/local/intent_parser.h"
#include "worker/providers/local/router_rules.h"

#include <algorithm>

namespace mr::local {
namespace {

bool about_contract_money(const QueryIntent& query) {
    return std::any_of(query.metrics.begin(), query.metrics.end(), [](const std::string& name) {
        const Metric* metric = find_metric(name);
        return metric != nullptr && metric->kind == "money" &&
               (metric->subject == "invoices" || metric->subject == "change_orders" ||
                metric->subject == "projects");
    });
}

bool makes_a_picture(const QueryIntent& query, const ProjectScope& scope) {
    if (!query.chart.empty()) {
        return true;
    }
    return query.mode == "totals" &&
           (!query.groups.empty() || query.compare || scope.projects.size() > 1);
}

void add_call(RoutePlan& plan, std::string_view tool, const std::string& input,
              std::string_view reason) {
    plan.calls.push_back({std::string(tool), input});
    plan.reasoning += (plan.reasoning.empty() ? "" : " ") + std::string(reason);
}

class LocalRouter final : public Router {
  public:
    explicit LocalRouter(std::shared_ptr<Backend> backend) : backend_(std::move(backend)) {}

    Task<RoutePlan> route(const Question& question, const ProjectScope& scope,
                          CallContext&) override {
        const Vocabulary& vocabulary = backend_->vocabulary;
        const Conversation before = conversation_of(question, vocabulary);
        const Understanding understood = understand(question.text, before, vocabulary);
        RoutePlan plan;
        if (!understood.small_talk.empty()) {
            plan.reasoning = "This needs no data.";
            co_return plan;
        }
        const QueryIntent& query = understood.query;
        if (understood.wants_documents) {
            add_call(plan, kToolDocuments, question.text, "The answer may stand in the documents.");
        } else if (supporting_documents(query, scope)) {
            add_call(plan, kToolDocuments, supporting_topic(query),
                     "Documents of the project can support the figures.");
        }
        if (!query.empty()) {
            add_call(plan, kToolSql, question.text,
                     "Figures are asked for: " + query_title(query, scope) + ".");
        }
        if (understood.wants_crm) {
            add_call(plan, kToolCrm, question.text, "The CRM knows clients, contacts and deals.");
        }
        if (!query.empty() && makes_a_picture(query, scope)) {
            add_call(plan, kToolChart, query.chart, "The rows can be drawn as a chart.");
        }
        if (plan.calls.empty()) {
            plan.reasoning = "Nothing in the question points to figures, documents or the CRM.";
        }
        co_return plan;
    }

  private:
    std::shared_ptr<Backend> backend_;
};

} // namespace

bool supporting_documents(const QueryIntent& query, const ProjectScope& scope) {
    const bool plain = query.groups.empty() && !query.compare;
    return scope.projects.size() == 1 &&
           (query.mode == "overview" ||
            (query.mode == "totals" && plain && about_contract_money(query)));
}

std::string supporting_topic(const QueryIntent& query) {
    if (query.metrics.empty()) {
        return "contract project status";
    }
    const Metric* metric = find_metric(query.metrics.front());
    if (metric != nullptr && metric->subject == "change_orders") {
        return "change order";
    }
    return metric != nullptr && metric->subject == "projects" ? "contract sum"
                                                              : "invoice payment contract";
}

std::unique_ptr<Router> make_router(std::shared_ptr<Backend> backend) {
    return std::make_unique<LocalRouter>(std::move(backend));
}

} // namespace mr::local

#include "worker/providers/powerbi/dax.h"
#include "worker/providers/powerbi/powerbi.h"
#include "worker/providers/project_values.h"

#include <algorithm>
#include <utility>

namespace mr::powerbi {
namespace {

using nlohmann::json;

bool is_number(const std::string& text) {
    return !text.empty() && text.size() <= 18 &&
           text.find_first_not_of("0123456789") == std::string::npos;
}

bool is_plain(const std::string& text) {
    return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < ' ';
    });
}

constexpr std::string_view kNoFilter = "the project filter cannot be applied to Power BI: ";

bool numeric_project(const Options& options) {
    const Field* field =
        options.schema->column(options.project_column.table, options.project_column.column);
    return field != nullptr && (field->kind == "number" || field->kind == "count");
}

class PowerBiEngine final : public SqlEngine {
  public:
    PowerBiEngine(rest::Api api, Options options)
        : api_(std::move(api)), options_(std::move(options)),
          described_(described(*options_.schema)) {}

    SqlDialect dialect() const override { return SqlDialect::dax; }
    Task<std::string> schema(CallContext&) override { co_return described_; }

    Task<SqlTable> run(const SqlQuery& query, const ProjectScope& scope,
                       CallContext& call) override {
        const std::vector<std::string> projects = project_values(scope, options_);
        const json body = body_of(query, projects);
        const std::string group = options_.workspace.empty() ? "" : "/groups/" + options_.workspace;
        rest::ApiCall request("query", "POST",
                              options_.api_path + group + "/datasets/" + options_.dataset +
                                  "/executeQueries");
        request.body = rest::body_text(body);
        const bool filtered = !projects.empty();
        rest::Judge judge = [this, filtered](const net::HttpResponse& response, int tried) {
            return refusal_of(response, options_, tried, filtered);
        };
        const json reply = co_await api_.call(std::move(request), std::move(judge), call);
        co_return read_rows(reply, query, options_, projects);
    }

  private:
    json body_of(const SqlQuery& query, const std::vector<std::string>& projects) const {
        const Dax dax = read_dax(query.sql, *options_.schema,
                                 projects.empty() ? nullptr : &options_.project_column);
        if (!projects.empty() && !dax.of_projects) {
            const std::string why = "the query reads nothing that belongs to projects";
            throw QueryRefused(ProviderFault::filter, std::string(kNoFilter) + why, why);
        }
        json text;
        text["query"] = confined(dax, options_.max_rows + 1, options_.project_column, projects,
                                 numeric_project(options_));
        json body;
        body["queries"] = json::array({std::move(text)});
        body["serializerSettings"]["includeNulls"] = true;
        return body;
    }

    rest::Api api_;
    Options options_;
    std::string described_;
};

} // namespace

std::vector<std::string> project_values(const ProjectScope& scope, const Options& options) {
    std::vector<std::string> values = mr::project_values(
        scope, options.project_value, options.project_column.column, kMaxScopeProjects, "Power BI");
    const bool numeric = numeric_project(options);
    for (const std::string& value : values) {
        if (numeric ? !is_number(value) : !is_plain(value)) {
            throw ProviderError(ProviderFault::filter, std::string(kNoFilter) +
                                                           "a project has no usable " +
                                                           options.project_value);
        }
    }
    return values;
}

std::unique_ptr<SqlEngine> make_engine(std::shared_ptr<net::HttpClient> http,
                                       std::shared_ptr<Credential> credential, Options options) {
    rest::ApiOptions api = rest::api_options("powerbi", "Power BI", options);
    api.gate =
        options.gate ? options.gate : rest::make_local_gate("Power BI", options.queries_per_second);
    return std::make_unique<PowerBiEngine>(
        rest::Api(std::move(http), std::move(credential), std::move(api)), std::move(options));
}

} // namespace mr::powerbi

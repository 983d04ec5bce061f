#include "worker/providers/bigquery/directory.h"

#include "worker/log.h"
#include "worker/providers/bigquery/wire.h"
#include "worker/providers/directory/project_list.h"
#include "worker/providers/remote_json.h"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

namespace mr::bigquery {
namespace {

using Clock = std::chrono::steady_clock;
using directory::ListedProject;
using nlohmann::json;

constexpr std::size_t kPageRows = 10'000;

enum Column : std::uint8_t { kId, kName, kCode, kAlias };

std::string statement(const Lookup& lookup) {
    std::string text = "SELECT ";
    for (std::size_t i = 0; i < lookup.columns.size(); ++i) {
        const std::string& column = lookup.columns[i];
        text += i > 0 ? ", " : "";
        text += column.empty() ? "NULL" : "CAST(`" + column + "` AS STRING)";
        text += " AS c" + std::to_string(i);
    }
    return text + " FROM `" + lookup.table.path() + "` LIMIT " + std::to_string(kMaxLookupRows);
}

json body_of(const Lookup& lookup, const Options& options, std::chrono::milliseconds wait) {
    json body;
    body["query"] = statement(lookup);
    body["useLegacySql"] = false;
    body["maxResults"] = kPageRows;
    body["timeoutMs"] = wait.count();
    body["jobTimeoutMs"] = std::to_string(options.job_timeout.count());
    body["maximumBytesBilled"] = std::to_string(options.max_bytes);
    if (!options.location.empty()) {
        body["location"] = options.location;
    }
    return body;
}

// Rows of one project together, in the order in which the projects come.
class Collector {
  public:
    void add_page(const json& reply) {
        for (const json& row : items_of(member(reply, "rows"))) {
            const json& cells = items_of(member(row, "f"));
            const auto cell = [&cells](Column column) {
                return column < cells.size() ? text_of(member(cells[column], "v")) : std::string();
            };
            add({cell(kId), cell(kName), cell(kCode)}, cell(kAlias));
        }
    }
    std::vector<ListedProject> take() { return std::move(projects_); }

  private:
    void add(Project project, std::string alias) {
        if (project.id.empty() || project.name.empty()) {
            return;
        }
        const auto [place, added] = places_.emplace(project.id, projects_.size());
        if (added && projects_.size() == directory::kMaxProjects) {
            throw ProviderError(ProviderFault::bad_reply, "BigQuery has too many projects to know");
        }
        if (added) {
            projects_.push_back({std::move(project), {}});
        }
        std::vector<std::string>& aliases = projects_[place->second].aliases;
        if (!alias.empty() && aliases.size() < directory::kMaxNamesOfProject) {
            aliases.push_back(std::move(alias));
        }
    }

    std::vector<ListedProject> projects_;
    std::map<std::string, std::size_t> places_; // by id
};

class LookupDirectory final : public ProjectDirectory {
  public:
    LookupDirectory(rest::Api api, Options options, Lookup lookup)
        : api_(std::move(api)), options_(std::move(options)), lookup_(std::move(lookup)) {}

    Task<std::vector<ProjectMatch>> lookup(const std::vector<std::string>& names,
                                           CallContext& call) override {
        if (Clock::now() >= ends_) {
            co_await renew(call);
        }
        co_return list_->lookup(names);
    }

  private:
    Task<void> renew(CallContext& call) {
        if (list_) {
            ends_ = Clock::now() + kProjectsRetried; // nobody else asks meanwhile
        }
        try {
            directory::ProjectList read = co_await read_list(call);
            log::info("projects read from BigQuery", {{"projects", read.size()}});
            list_ = std::move(read);
            ends_ = Clock::now() + kProjectsKept;
        } catch (const ProviderError& error) {
            if (!list_) {
                throw;
            }
            log::warn("projects could not be read anew from BigQuery: the old list is used",
                      {{"cause", error.what()}});
        }
    }

    Task<directory::ProjectList> read_list(CallContext& call) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(call.deadline - Clock::now());
        const auto wait = std::min(left / 2, options_.job_timeout);
        rest::ApiCall first("projects", "POST", queries_path(options_));
        first.body = rest::body_text(body_of(lookup_, options_, wait));
        json reply = co_await ask(std::move(first), call);
        if (member(reply, "jobComplete") != json(true)) {
            throw ProviderError(ProviderFault::timeout, "BigQuery did not answer in time");
        }
        const Job job = job_of(reply, options_);
        Collector collector;
        for (std::size_t pages = 1;; ++pages) {
            collector.add_page(reply);
            const std::string token = text_of(member(reply, "pageToken"));
            if (token.empty() || job.id.empty() || pages * kPageRows >= kMaxLookupRows) {
                break;
            }
            rest::ApiCall next("page", "GET", results_path(job, token, options_));
            json page = co_await ask(std::move(next), call);
            reply = std::move(page);
        }
        co_return directory::ProjectList(collector.take());
    }

    Task<json> ask(rest::ApiCall wanted, CallContext& call) {
        rest::Judge judge = [this](const net::HttpResponse& response, int tried) {
            return verdict_of(response, options_, tried).refusal;
        };
        json reply = co_await api_.call(std::move(wanted), std::move(judge), call);
        co_return reply;
    }

    rest::Api api_;
    Options options_;
    Lookup lookup_;
    std::optional<directory::ProjectList> list_;
    Clock::time_point ends_ = Clock::time_point::min();
};

} // namespace

std::array<std::string, 4> parse_lookup_columns(const std::string& text) {
    std::array<std::string, 4> columns;
    std::stringstream list(text);
    std::size_t count = 0;
    for (std::string column; std::getline(list, column, ','); ++count) {
        std::erase(column, ' ');
        const bool needed = count <= kName;
        if (count >= columns.size() || (column == "-" ? needed : !plain(column, false))) {
            throw std::runtime_error("'" + text +
                                     "' is not four columns such as "
                                     "project_id,name,code,alias");
        }
        columns[count] = column == "-" ? "" : column;
    }
    if (count != columns.size()) {
        throw std::runtime_error("'" + text +
                                 "' is not four columns such as "
                                 "project_id,name,code,alias");
    }
    return columns;
}

std::unique_ptr<ProjectDirectory> make_directory(std::shared_ptr<net::HttpClient> http,
                                                 std::shared_ptr<Credential> credential,
                                                 Options options, Lookup lookup) {
    rest::Api api(std::move(http), std::move(credential), api_options(options));
    return std::make_unique<LookupDirectory>(std::move(api), std::move(options), std::move(lookup));
}

} // namespace mr::bigquery

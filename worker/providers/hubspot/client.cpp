#include "worker/log.h"
#include "worker/providers/hubspot/records.h"
#include "worker/providers/rest/api.h"

#include <utility>

namespace mr::hubspot {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

class HubSpotSearch final : public CrmSearch {
  public:
    HubSpotSearch(rest::Api api, Options options)
        : api_(std::move(api)), options_(std::move(options)) {}

    Task<CrmHits> search(const Question&, const std::string& input, const ProjectScope& scope,
                         CallContext& call) override {
        if (scope.unanswerable()) {
            throw ProviderError(ProviderFault::filter, "the project filter names no known project");
        }
        const std::vector<std::string> projects = project_values(scope, options_);
        std::vector<std::string> names = names_in(input, scope);
        if (names.empty()) {
            names.emplace_back(); // the latest, whatever their names
        }
        const bool largest = input.find("largest") != std::string::npos ||
                             input.find("biggest") != std::string::npos;
        CrmHits hits;
        hits.query = input;
        for (const Kind* kind : kinds_in(input)) {
            if (kind->type == "deal") {
                co_await learn_labels(call);
            }
            for (const std::string& name : names) {
                const Search wanted{*kind, name, projects, largest};
                const json reply = co_await ask(wanted, call);
                read_hits(reply, wanted, options_, labels_, hits);
            }
        }
        co_return hits;
    }

  private:
    Task<json> ask(const Search& wanted, CallContext& call) {
        rest::ApiCall request("search", "POST",
                              options_.objects_path + "/" + std::string(wanted.kind.path) +
                                  "/search");
        request.body = rest::body_text(search_body(wanted, options_));
        rest::Judge judge = judge_for(!wanted.projects.empty());
        json reply = co_await api_.call(std::move(request), std::move(judge), call);
        co_return reply;
    }

    rest::Judge judge_for(bool filtered) const {
        return [this, filtered](const net::HttpResponse& response, int tried) {
            return refusal_of(response, options_, tried, filtered);
        };
    }

    // Deals are told from each other without labels too: their failure is no failure of the search.
    Task<void> learn_labels(CallContext& call) {
        if (Clock::now() < labels_end_) {
            co_return;
        }
        labels_end_ = Clock::now() + kLabelsRetried; // nobody else asks meanwhile
        rest::ApiCall request("labels", "GET", options_.pipelines_path + "/deals");
        request.paced = false; // only searches are counted so narrowly
        request.retried = false;
        rest::Judge judge = judge_for(false);
        try {
            const json reply = co_await api_.call(std::move(request), std::move(judge), call);
            labels_ = read_labels(reply);
            labels_end_ = Clock::now() + kLabelsKept;
        } catch (const ProviderError&) {
            log::warn("no labels of deal stages from HubSpot: their ids are shown");
        }
    }

    rest::Api api_;
    Options options_;
    Labels labels_;
    Clock::time_point labels_end_ = Clock::time_point::min();
};

} // namespace

std::unique_ptr<CrmSearch> make_crm_search(std::shared_ptr<net::HttpClient> http,
                                           std::shared_ptr<Credential> credential,
                                           Options options) {
    rest::ApiOptions api;
    api.provider = "hubspot";
    api.label = "HubSpot";
    api.endpoint = options.endpoint;
    api.max_retries = options.max_retries;
    api.retry_base = options.retry_base;
    api.gate = rest::make_local_gate("HubSpot", options.searches_per_second);
    return std::make_unique<HubSpotSearch>(
        rest::Api(std::move(http), std::move(credential), std::move(api)), std::move(options));
}

} // namespace mr::hubspot

// The requests that a question to HubSpot is made of, each with its paths, pace and refusals. Keeps
// the labels of deal stages.
#pragma once

#include "worker/providers/hubspot/associations.h"
#include "worker/providers/rest/api.h"

#include <chrono>
#include <string>
#include <vector>

namespace mr::hubspot {

class Requests {
  public:
    Requests(rest::Api api, Options options) : api_(std::move(api)), options_(std::move(options)) {}

    const Options& options() const { return options_; }
    const Labels& labels() const { return labels_; }

    // One page.
    Task<nlohmann::json> search(const Search& wanted, CallContext& call);
    // The records that stand for the projects.
    Task<Ids> project_records(const std::vector<std::string>& projects, CallContext& call);
    // Records of the kind that are associated with the others; of a type by its name or number.
    Task<Ids> associated(std::string_view from, const Ids& ids, const Kind& to, CallContext& call);
    // With projects those of others are left out.
    Task<std::vector<CrmRecord>> records(const Kind& kind, const Ids& ids,
                                         const std::vector<std::string>& projects,
                                         CallContext& call);
    // Deals are told from each other without labels too: no failure of the question.
    Task<void> learn_labels(CallContext& call);

  private:
    rest::Judge judge_for(bool filtered) const;
    Task<nlohmann::json> post(std::string_view operation, std::string path,
                              const nlohmann::json& body, bool filtered, CallContext& call);

    rest::Api api_;
    Options options_;
    Labels labels_;
    std::chrono::steady_clock::time_point labels_end_ =
        std::chrono::steady_clock::time_point::min();
};

} // namespace mr::hubspot

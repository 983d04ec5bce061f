#include "worker/providers/hubspot/requests.h"

#include "worker/log.h"

#include <algorithm>
#include <utility>

namespace mr::hubspot {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

rest::Judge Requests::judge_for(bool filtered) const {
    return [this, filtered](const net::HttpResponse& response, int tried) {
        return refusal_of(response, options_, tried, filtered);
    };
}

Task<json> Requests::post(std::string_view operation, std::string path, const json& body,
                          bool filtered, CallContext& call) {
    rest::ApiCall request(operation, "POST", std::move(path));
    request.body = rest::body_text(body);
    request.paced = operation == "search"; // only searches are counted so narrowly
    rest::Judge judge = judge_for(filtered);
    json reply = co_await api_.call(std::move(request), std::move(judge), call);
    co_return reply;
}

Task<json> Requests::search(const Search& wanted, CallContext& call) {
    std::string path = options_.objects_path + "/" + std::string(wanted.kind.path) + "/search";
    const json body = search_body(wanted, options_);
    json reply = co_await post("search", std::move(path), body, !wanted.projects.empty(), call);
    co_return reply;
}

Task<Ids> Requests::project_records(const std::vector<std::string>& projects, CallContext& call) {
    std::string path = options_.objects_path + "/" + options_.project_object + "/search";
    const json body = project_records_body(projects, options_);
    const json reply = co_await post("search", std::move(path), body, true, call);
    Ids ids = read_project_records(reply, projects, options_);
    co_return ids;
}

Task<Ids> Requests::associated(std::string_view from, const Ids& ids, const Kind& to,
                               CallContext& call) {
    const std::string path = options_.associations_path + "/" + std::string(from) + "/" +
                             std::string(to.path) + "/batch/read";
    std::vector<Holder> holders;
    for (const std::string& id : ids) {
        holders.push_back({id, {}});
    }
    Ids found;
    for (int page = 0; !holders.empty() && found.size() < kMaxAssociated; ++page) {
        if (page == kMaxPages) {
            log::warn("HubSpot has more associations than are read",
                      {{"from", from}, {"to", to.path}});
            break;
        }
        const json body = associations_body(holders);
        const json reply = co_await post("associations", path, body, false, call);
        holders = read_associations(reply, holders, found);
    }
    co_return found;
}

Task<std::vector<CrmRecord>> Requests::records(const Kind& kind, const Ids& ids,
                                               const std::vector<std::string>& projects,
                                               CallContext& call) {
    const std::string path = options_.objects_path + "/" + std::string(kind.path) + "/batch/read";
    const std::vector<std::string> list(ids.begin(), ids.end());
    std::vector<CrmRecord> records;
    for (std::size_t at = 0; at < list.size(); at += kMaxReadRecords) {
        const std::size_t size = std::min(kMaxReadRecords, list.size() - at);
        const json body = records_body(kind, std::span(list).subspan(at, size), options_);
        const json reply = co_await post("read", path, body, false, call);
        for (CrmRecord& record : read_records(reply, kind, ids, labels_, projects, options_)) {
            records.push_back(std::move(record));
        }
    }
    co_return records;
}

Task<void> Requests::learn_labels(CallContext& call) {
    if (Clock::now() < labels_end_) {
        co_return;
    }
    labels_end_ = Clock::now() + kLabelsRetried; // nobody else asks meanwhile
    rest::ApiCall request("labels", "GET", options_.pipelines_path + "/deals");
    request.paced = false;
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

} // namespace mr::hubspot

#include "worker/log.h"
#include "worker/providers/hubspot/requests.h"

#include <algorithm>
#include <map>
#include <utility>

namespace mr::hubspot {
namespace {

using nlohmann::json;

// A question, in HubSpot's terms.
struct Asked {
    std::vector<const Kind*> kinds;
    std::vector<std::string> names; // an empty one: the latest, whatever their names
    std::vector<std::string> projects;
    bool largest = false;
    bool with_deals = false; // other kinds that go with the deals are meant too
    // With a project object: what is associated with the projects' records, by kind.
    std::map<const Kind*, Ids> confined;
};

Asked asked_of(const std::string& input, const ProjectScope& scope, const Options& options) {
    Asked asked;
    asked.projects = project_values(scope, options);
    asked.kinds = kinds_in(input);
    asked.names = names_in(input, scope);
    if (asked.names.empty()) {
        asked.names.emplace_back();
    }
    asked.largest =
        input.find("largest") != std::string::npos || input.find("biggest") != std::string::npos;
    const bool deals = std::any_of(asked.kinds.begin(), asked.kinds.end(),
                                   [](const Kind* kind) { return kind->type == "deal"; });
    asked.with_deals = deals && asked.kinds.size() > 1 && names_kinds(input);
    return asked;
}

void add(std::vector<CrmRecord>& records, CrmHits& hits, std::uint64_t most) {
    for (CrmRecord& record : records) {
        if (known(hits, record)) {
            continue;
        }
        ++hits.total;
        if (most > 0) {
            --most;
            hits.records.push_back(std::move(record));
        }
    }
}

class HubSpotSearch final : public CrmSearch {
  public:
    explicit HubSpotSearch(Requests requests) : requests_(std::move(requests)) {}

    Task<CrmHits> search(const Question&, const std::string& input, const ProjectScope& scope,
                         CallContext& call) override {
        Asked asked = asked_of(input, scope, requests_.options());
        CrmHits hits;
        hits.query = input;
        if (std::any_of(asked.kinds.begin(), asked.kinds.end(),
                        [](const Kind* kind) { return kind->type == "deal"; })) {
            co_await requests_.learn_labels(call);
        }
        if (!asked.projects.empty() && !requests_.options().project_object.empty()) {
            co_await search_associated(asked, call, hits);
        } else {
            co_await search_all(asked, call, hits);
        }
        if (asked.with_deals) {
            co_await add_those_of_deals(asked, call, hits);
        }
        co_return hits;
    }

  private:
    // By HubSpot's own search, confined by a property of the records.
    Task<void> search_all(const Asked& asked, CallContext& call, CrmHits& hits) {
        for (const Kind* kind : asked.kinds) {
            for (const std::string& name : asked.names) {
                Search wanted{*kind, name, asked.projects, asked.largest, {}, 0};
                co_await search_pages(wanted, call, hits);
            }
        }
    }

    Task<void> search_pages(Search& wanted, CallContext& call, CrmHits& hits) {
        const Options& options = requests_.options();
        for (int page = 0; page < kMaxPages && wanted.seen < options.max_records; ++page) {
            const json reply = co_await requests_.search(wanted, call);
            const std::uint64_t read = read_hits(reply, wanted, options, requests_.labels(), hits);
            wanted.seen += read;
            wanted.after = next_page(reply);
            if (wanted.after.empty() || read == 0) {
                break;
            }
        }
    }

    // What is associated with the records that stand for the projects; names are looked for here.
    Task<void> search_associated(Asked& asked, CallContext& call, CrmHits& hits) {
        const Options& options = requests_.options();
        const Ids projects = co_await requests_.project_records(asked.projects, call);
        const std::vector<std::string> none; // the ids confine them
        for (const Kind* kind : asked.kinds) {
            Ids ids = projects;
            if (!same_type(*kind, options.project_object)) {
                ids = co_await requests_.associated(options.project_object, projects, *kind, call);
            }
            std::vector<CrmRecord> records = co_await requests_.records(*kind, ids, none, call);
            choose(records, asked.names, asked.largest);
            add(records, hits, options.max_records);
            asked.confined[kind] = std::move(ids);
        }
    }

    // A question for deals and their contacts gets those too that have none of its names. What was
    // found counts without them.
    Task<void> add_those_of_deals(const Asked& asked, CallContext& call, CrmHits& hits) {
        Ids deals;
        for (const CrmRecord& record : hits.records) {
            if (record.type == "deal") {
                deals.insert(record.id.substr(record.type.size() + 1));
            }
        }
        try {
            for (const Kind* kind : asked.kinds) {
                if (kind->type != "deal" && !deals.empty()) {
                    co_await add_associated(asked, deals, *kind, call, hits);
                }
            }
        } catch (const ProviderError& error) {
            if (error.fault() == ProviderFault::filter) {
                throw;
            }
            log::warn("no records from HubSpot that go with its deals");
        }
    }

    Task<void> add_associated(const Asked& asked, const Ids& deals, const Kind& kind,
                              CallContext& call, CrmHits& hits) {
        Ids ids = co_await requests_.associated("deals", deals, kind, call);
        const auto confined = asked.confined.find(&kind);
        if (confined != asked.confined.end()) {
            std::erase_if(ids,
                          [&](const std::string& id) { return !confined->second.contains(id); });
        }
        std::erase_if(ids, [&](const std::string& id) {
            CrmRecord record;
            record.id = std::string(kind.type) + "-" + id;
            return known(hits, record);
        });
        const bool by_property = confined == asked.confined.end();
        const std::vector<std::string> projects =
            by_property ? asked.projects : std::vector<std::string>();
        std::vector<CrmRecord> records = co_await requests_.records(kind, ids, projects, call);
        add(records, hits, requests_.options().max_records);
    }

    Requests requests_;
};

} // namespace

std::unique_ptr<CrmSearch> make_crm_search(std::shared_ptr<net::HttpClient> http,
                                           std::shared_ptr<Credential> credential,
                                           Options options) {
    rest::ApiOptions api = rest::api_options("hubspot", "HubSpot", options);
    api.gate =
        options.gate ? options.gate : rest::make_local_gate("HubSpot", options.searches_per_second);
    return std::make_unique<HubSpotSearch>(Requests(
        rest::Api(std::move(http), std::move(credential), std::move(api)), std::move(options)));
}

} // namespace mr::hubspot

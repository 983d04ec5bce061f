// HubSpot's associations between records: what is asked for them, and what the replies say. Pure:
// no I/O, no state. Replies are remote input, and may be partial (status 207): what could not be
// read is missing, never more.
//
// https://developers.hubspot.com/docs/api-reference/crm-associations-v4/guide
#pragma once

#include "worker/providers/hubspot/records.h"

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mr::hubspot {

inline constexpr std::size_t kMaxAssociated = 500;  // records of one kind that are looked at
inline constexpr std::size_t kMaxReadRecords = 100; // of one request

using Ids = std::set<std::string, std::less<>>;

// A record whose associations are asked for, and where its page begins.
struct Holder {
    std::string id;
    std::string after; // empty: the first page
};

// The type's name or number is that of the kind: "deals", "0-3".
bool same_type(const Kind& kind, std::string_view type);

// The search for the records that stand for the projects.
nlohmann::json project_records_body(const std::vector<std::string>& projects,
                                    const Options& options);
// Throws ProviderError{bad_reply}, and {filter} when a project has no record, or a record is of
// none of them, or there are more than one page.
Ids read_project_records(const nlohmann::json& reply, const std::vector<std::string>& projects,
                         const Options& options);

nlohmann::json associations_body(const std::vector<Holder>& holders);
// Adds to `ids`, up to kMaxAssociated; those that have further pages. Throws
// ProviderError{bad_reply}, and {filter} for associations of a record that was not asked for.
std::vector<Holder> read_associations(const nlohmann::json& reply,
                                      const std::vector<Holder>& holders, Ids& ids);

nlohmann::json records_body(const Kind& kind, std::span<const std::string> ids,
                            const Options& options);
// The records of `ids` in the reply, in its order. Throws ProviderError{bad_reply}, and {filter}
// for another one. With projects those of others are left out.
std::vector<CrmRecord> read_records(const nlohmann::json& reply, const Kind& kind, const Ids& ids,
                                    const Labels& labels, const std::vector<std::string>& projects,
                                    const Options& options);

// Puts records in the order of a search, without those that have none of the names; no names: all
// are kept.
void choose(std::vector<CrmRecord>& records, const std::vector<std::string>& names, bool largest);

} // namespace mr::hubspot

// Deals, companies and contacts of HubSpot, by its CRM search API. With projects in scope every
// search is confined to them by a property of the records, and what comes back is checked for it; a
// filter that cannot be applied is ProviderError{filter}, never a wider search.
//
// One page per kind and name is read. Searches are paced, since HubSpot counts them per account and
// says nothing of what is left.
//
// https://developers.hubspot.com/docs/api-reference/search/guide
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/credential.h"
#include "worker/providers/interfaces.h"
#include "worker/providers/rest/api.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace mr::hubspot {

inline constexpr std::chrono::minutes kLabelsKept{60};
inline constexpr std::chrono::minutes kLabelsRetried{1}; // after they could not be had

struct Options {
    rest::Endpoint endpoint;
    std::string objects_path = "/crm/v3/objects"; // the version of the API is part of it
    std::string pipelines_path = "/crm/v3/pipelines";
    std::string project_property;          // of all three kinds of record; empty: there is none
    std::string project_value = "code";    // what it holds of a project: "id", "code" or "name"
    std::uint64_t max_records = 20;        // of one search, 1..200
    std::uint64_t searches_per_second = 4; // of this worker
    unsigned max_retries = 2;
    std::chrono::milliseconds retry_base{1'000}; // what HubSpot's limits count in
};

// The HTTP client is shared with other providers and outlives the result.
std::unique_ptr<CrmSearch> make_crm_search(std::shared_ptr<net::HttpClient> http,
                                           std::shared_ptr<Credential> credential, Options options);

} // namespace mr::hubspot

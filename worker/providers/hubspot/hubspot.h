// Deals, companies and contacts of HubSpot, by its CRM search API. With projects in scope every
// search is confined to them, by a property of the records or by their associations with records
// that stand for projects, and what comes back is checked for it; a filter that cannot be applied
// is ProviderError{filter}, never a wider search.
//
// Pages of each kind and name are read up to Options::max_records. Searches are paced, since
// HubSpot counts them per account and says nothing of what is left.
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

inline constexpr std::uint64_t kMaxRecords = 1'000;

struct Options {
    rest::Endpoint endpoint;
    std::string objects_path = "/crm/v3/objects"; // the version of the API is part of it
    std::string pipelines_path = "/crm/v3/pipelines";
    std::string associations_path = "/crm/v4/associations";
    // Says whose project a record is: a property of all three kinds of record, or, with a
    // project_object, of the records of that type, to which the others are then associated.
    std::string project_property;       // empty: there is none
    std::string project_value = "code"; // what it holds of a project: "id", "code" or "name"
    std::string project_object;         // "deals", "2-1234567"; empty: none
    std::uint64_t max_records = 20;     // of one search, 1..kMaxRecords
    std::uint64_t searches_per_second = 4;
    std::shared_ptr<rest::RateGate> gate; // keeps it; null: this worker alone does
    unsigned max_retries = 2;
    std::chrono::milliseconds retry_base{1'000}; // what HubSpot's limits count in
};

// The HTTP client is shared with other providers and outlives the result.
std::unique_ptr<CrmSearch> make_crm_search(std::shared_ptr<net::HttpClient> http,
                                           std::shared_ptr<Credential> credential, Options options);

} // namespace mr::hubspot

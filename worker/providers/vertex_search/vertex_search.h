// The documents of a Vertex AI Search app (Discovery Engine), by its search method. With projects
// in scope every search is confined to them by a field of the documents, and what comes back is
// checked for it; a filter that cannot be applied is ProviderError{filter}, never a wider search.
//
// One page is read. What an app without the edition for summaries and extracts refuses is left out
// from then on.
//
// https://docs.cloud.google.com/generative-ai-app-builder/docs/reference/rest/v1/projects.locations.collections.engines.servingConfigs/search
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/credential.h"
#include "worker/providers/interfaces.h"
#include "worker/providers/rest/api.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace mr::vertex_search {

struct Options {
    // Its base URL is that of the serving config: ".../v1/projects/P/locations/L/collections/C/
    // engines/E/servingConfigs/S".
    rest::Endpoint endpoint;
    std::string user_project;           // who pays and whose quota it is; empty: not said
    std::string project_field;          // of a document's structData, indexable; empty: none
    std::string project_value = "code"; // what it holds of a project: "id", "code" or "name"
    std::string url_field = "url";      // these three of structData too
    std::string kind_field = "type";
    std::string date_field = "date";
    std::string storage_url;       // what gs:// becomes; empty: such links are left out
    std::string language;          // "en"; empty: not said
    bool expand_query = false;     // also documents with other words
    bool correct_spelling = false; // false: it is suggested only
    bool summary = true;
    std::string summary_preamble; // instructions for the summary; empty: none
    std::string summary_model;    // "stable"; empty: not said
    std::uint64_t extracts = 0;   // answers taken out of each document, 0..5
    std::uint64_t page_size = 10; // 1..100
    unsigned max_retries = 2;
    std::chrono::milliseconds retry_base{1'000}; // doubled for each retry
};

// The HTTP client is shared with other providers and outlives the result.
std::unique_ptr<DocumentSearch> make_document_search(std::shared_ptr<net::HttpClient> http,
                                                     std::shared_ptr<Credential> credential,
                                                     Options options);

} // namespace mr::vertex_search

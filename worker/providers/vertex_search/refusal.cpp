// What refusals of Vertex AI Search mean: by Google's own words first, by status second.
#include "worker/providers/google/errors.h"
#include "worker/providers/remote_json.h"
#include "worker/providers/vertex_search/wire.h"

#include <algorithm>

namespace mr::vertex_search {
namespace {

using nlohmann::json;
using rest::Refusal;

constexpr int kMaxDoublings = 6;

// Some methods wrap the error in an array.
model::ApiError error_in(const std::string& text) {
    const json body = json::parse(text, nullptr, false);
    const json& object = body.is_array() && !body.empty() ? body.front() : body;
    return google::error_of(object).value_or(model::ApiError());
}

bool says(const model::ApiError& error, std::string_view word) {
    return std::find(error.words.begin(), error.words.end(), word) != error.words.end();
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

Refusal refused(ProviderFault fault, const std::string& text) {
    return {fault, text, {}, {}};
}

Refusal meaning_of(int status, const model::ApiError& error, const Options& options, int tried,
                   bool filtered) {
    const auto own = options.retry_base * (1 << std::clamp(tried - 1, 0, kMaxDoublings));
    if (status == 429) {
        Refusal refusal =
            refused(ProviderFault::rate_limited,
                    error.lasting ? "the document search's quota for today is used up"
                                  : "the document search is asked too often at the moment");
        if (!error.lasting) {
            refusal.wait = error.wait.value_or(own);
        }
        return refusal;
    }
    if (status == 408 || (status >= 500 && status != 501)) {
        Refusal refusal = refused(ProviderFault::unavailable,
                                  "the document search is not available at the moment");
        refusal.wait = error.wait.value_or(own);
        return refusal;
    }
    const bool about_filter = contains(error.message, options.project_field) ||
                              contains(error.message, "filter") ||
                              contains(error.message, "Filter");
    if (status == 400 && filtered && about_filter) {
        return refused(ProviderFault::filter,
                       "the project filter cannot be applied to the document search");
    }
    return refused(ProviderFault::bad_request,
                   status == 401 || status == 403 ? "the document search refused us access"
                   : status == 404 ? "the document search has not the app it is asked for"
                                   : "the document search did not accept the question");
}

} // namespace

Refusal refusal_of(const net::HttpResponse& response, const Options& options, int tried,
                   bool filtered, bool& extras_refused) {
    const int status = response.head.status;
    const model::ApiError error = error_in(response.body);
    extras_refused =
        status == 400 && (says(error, "FAILED_PRECONDITION") || contains(error.message, "LLM") ||
                          contains(error.message, "nterprise"));
    Refusal refusal = meaning_of(status, error, options, tried, filtered);
    refusal.detail = "status " + std::to_string(status);
    for (const std::string& word : error.words) {
        refusal.detail += ", " + word.substr(0, kMaxFieldBytes);
    }
    if (!error.message.empty()) {
        refusal.detail += ", " + error.message.substr(0, rest::kMaxDetailBytes);
    }
    return refusal;
}

} // namespace mr::vertex_search

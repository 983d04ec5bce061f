// What BigQuery's refusals mean: by the reason they give first, since their status misleads.
//
// https://cloud.google.com/bigquery/docs/error-messages
#include "worker/providers/bigquery/wire.h"
#include "worker/providers/remote_json.h"
#include "worker/providers/retry.h"
#include "worker/tools/tool.h"

#include <algorithm>

namespace mr::bigquery {
namespace {

using nlohmann::json;
using rest::Refusal;
using std::chrono::milliseconds;

enum class Meaning : unsigned char {
    too_often,
    passing,
    used_up,
    no_access,
    not_found,
    badly_put,
    too_much,
    stopped,
    other,
};

struct ReasonRow {
    std::string_view reason;
    Meaning meaning;
};
constexpr ReasonRow kReasons[] = {
    {"rateLimitExceeded", Meaning::too_often},
    {"jobRateLimitExceeded", Meaning::too_often},
    {"backendError", Meaning::passing},
    {"internalError", Meaning::passing},
    {"jobBackendError", Meaning::passing},
    {"jobInternalError", Meaning::passing},
    {"quotaExceeded", Meaning::used_up},
    {"accessDenied", Meaning::no_access},
    {"billingNotEnabled", Meaning::no_access},
    {"authError", Meaning::no_access},
    {"notFound", Meaning::not_found},
    {"invalidQuery", Meaning::badly_put},
    {"invalid", Meaning::badly_put},
    {"parseError", Meaning::badly_put},
    {"bytesBilledLimitExceeded", Meaning::too_much},
    {"resourcesExceeded", Meaning::too_much},
    {"responseTooLarge", Meaning::too_much},
    {"stopped", Meaning::stopped},
    {"timeout", Meaning::stopped},
};

constexpr std::size_t kMaxAdviceBytes = 800;

Meaning meaning_of(const std::string& reason, int status) {
    for (const ReasonRow& row : kReasons) {
        if (row.reason == reason) {
            return row.meaning;
        }
    }
    if (!reason.empty() && status / 100 != 5) {
        return status == 401 || status == 403 ? Meaning::no_access : Meaning::other;
    }
    return status == 429                    ? Meaning::too_often
           : status == 408 || status >= 500 ? Meaning::passing
           : status == 401 || status == 403 ? Meaning::no_access
           : status == 404                  ? Meaning::not_found
                                            : Meaning::other;
}

Refusal refusal_of(Meaning meaning) {
    switch (meaning) {
    case Meaning::too_often:
        return {ProviderFault::rate_limited, "BigQuery is asked too often at the moment", {}, {}};
    case Meaning::passing:
        return {ProviderFault::unavailable, "BigQuery is not available at the moment", {}, {}};
    case Meaning::used_up:
        return {ProviderFault::rate_limited, "BigQuery's quota is used up", {}, {}};
    case Meaning::no_access:
        return {ProviderFault::bad_request, "BigQuery refused us access", {}, {}};
    case Meaning::not_found:
        return {ProviderFault::bad_request, "BigQuery does not know a table of the query", {}, {}};
    case Meaning::badly_put:
        return {ProviderFault::bad_request, "the query is not valid", {}, {}};
    case Meaning::too_much:
        return {ProviderFault::bad_request, "the query would read too much", {}, {}};
    case Meaning::stopped:
        return {ProviderFault::timeout, "the query took too long", {}, {}};
    case Meaning::other:
        break;
    }
    return {ProviderFault::bad_request, "BigQuery did not accept the query", {}, {}};
}

bool help_by_other_words(Meaning meaning) {
    return meaning == Meaning::badly_put || meaning == Meaning::too_much;
}

Verdict verdict(const std::string& reason, const std::string& message, int status) {
    const Meaning meaning = meaning_of(reason, status);
    Verdict out{refusal_of(meaning), ""};
    const std::string said = clipped(message, kMaxAdviceBytes);
    out.refusal.detail =
        reason + (reason.empty() ? "" : ": ") + clipped(said, rest::kMaxDetailBytes);
    if (help_by_other_words(meaning)) {
        out.advice = said.empty() ? out.refusal.text : said;
    }
    return out;
}

} // namespace

Verdict verdict_of(const net::HttpResponse& response, const Options& options, int tried) {
    const json body = json::parse(response.body, nullptr, false);
    const json& error = member(body, "error");
    const json& errors = items_of(member(error, "errors"));
    const std::string reason = errors.empty() ? "" : text_of(member(errors[0], "reason"));
    const int status = response.head.status;
    Verdict out = verdict(reason, text_of(member(error, "message")), status);
    out.refusal.detail = "status " + std::to_string(status) + ", " + out.refusal.detail;
    const Meaning meaning = meaning_of(reason, status);
    if (meaning == Meaning::too_often || meaning == Meaning::passing) {
        const int doubled = 1 << std::clamp(tried - 1, 0, 10);
        out.refusal.wait = retry_after(response.head, std::chrono::system_clock::now())
                               .value_or(options.retry_base * doubled);
    }
    return out;
}

Verdict verdict_of(const json& error_proto) {
    return verdict(text_of(member(error_proto, "reason")), text_of(member(error_proto, "message")),
                   400);
}

} // namespace mr::bigquery

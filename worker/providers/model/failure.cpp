#include "worker/providers/model/failure.h"

#include "worker/providers/evidence.h"
#include "worker/providers/retry.h"

#include <algorithm>

namespace mr::model {
namespace {

constexpr std::size_t kMaxDetailBytes = 300;

enum class Meaning : unsigned char { spent, too_long, busy, access, missing, wrong };

struct Word {
    std::string_view word;
    Meaning meaning;
};

// In groups; what stands further up counts more where an error has several words.
constexpr Word kWords[] = {
    {"insufficient_quota", Meaning::spent},
    {"credit_balance_exhausted", Meaning::spent},
    {"organization_spend_limit_exceeded", Meaning::spent},
    {"project_spend_limit_exceeded", Meaning::spent},
    {"organization_usage_limit_exceeded", Meaning::spent},
    {"billing_error", Meaning::spent},
    {"enforced_spend_limit_reached", Meaning::spent},
    {"contract_spend_limit_reached", Meaning::spent},
    {"context_length_exceeded", Meaning::too_long},
    {"request_too_large", Meaning::too_long},
    {"rate_limit_exceeded", Meaning::busy},
    {"slow_down", Meaning::busy},
    {"rate_limit_error", Meaning::busy},
    {"ramp_limit_exceeded", Meaning::busy},
    {"RESOURCE_EXHAUSTED", Meaning::busy},
    {"authentication_error", Meaning::access},
    {"permission_error", Meaning::access},
    {"API_KEY_INVALID", Meaning::access},
    {"PERMISSION_DENIED", Meaning::access},
    {"UNAUTHENTICATED", Meaning::access},
    {"model_not_found", Meaning::missing},
    {"not_found_error", Meaning::missing},
    {"NOT_FOUND", Meaning::missing},
    {"invalid_request_error", Meaning::wrong},
    {"INVALID_ARGUMENT", Meaning::wrong},
    {"FAILED_PRECONDITION", Meaning::wrong},
};

std::optional<Meaning> meaning_of(const ApiError& error) {
    for (const Word& known : kWords) {
        if (std::find(error.words.begin(), error.words.end(), known.word) != error.words.end()) {
            return known.meaning;
        }
    }
    return std::nullopt;
}

std::optional<Meaning> meaning_of(int status) {
    switch (status) {
    case 402:
        return Meaning::spent;
    case 413:
        return Meaning::too_long;
    case 429:
        return Meaning::busy;
    case 401:
    case 403:
        return Meaning::access;
    case 404:
        return Meaning::missing;
    default:
        return std::nullopt;
    }
}

std::string detail_of(const ApiError& error) {
    std::string detail;
    const auto add = [&detail](const std::string& part) {
        detail += part.empty() ? "" : (detail.empty() ? "" : ", ") + part;
    };
    std::for_each(error.words.begin(), error.words.end(), add);
    add(error.param);
    add(error.message);
    return std::string(cut_text(detail, kMaxDetailBytes));
}

} // namespace

Failure failure(ProviderFault fault, std::string_view text, std::string detail, bool passing) {
    Failure out;
    out.fault = fault;
    out.text = text;
    out.detail = std::move(detail);
    out.passing = passing;
    return out;
}

Failure failure_of(int status, const ApiError& error) {
    const std::string detail = detail_of(error);
    std::optional<Meaning> meaning = meaning_of(error);
    if (!meaning || *meaning == Meaning::wrong) {
        meaning = meaning_of(status) ? meaning_of(status) : meaning;
    }
    if (meaning == Meaning::spent || (meaning == Meaning::busy && error.lasting)) {
        return failure(ProviderFault::rate_limited, "the language model's quota is used up", detail,
                       false);
    }
    if (meaning == Meaning::too_long) {
        return failure(ProviderFault::bad_request,
                       "the question and its findings are too long for the language model", detail,
                       false);
    }
    if (meaning == Meaning::busy) {
        return failure(ProviderFault::rate_limited, "the language model is busy at the moment",
                       detail, true);
    }
    if (meaning == Meaning::access) {
        return failure(ProviderFault::bad_request, "the language model refused us access", detail,
                       false);
    }
    if (meaning == Meaning::missing) {
        return failure(ProviderFault::bad_request, "the language model is not available", detail,
                       false);
    }
    if ((status == 0 && !meaning) || passing_status(status)) {
        return failure(ProviderFault::unavailable, "the language model has a problem", detail,
                       true);
    }
    return failure(ProviderFault::bad_request, "the language model refused the request", detail,
                   false);
}

} // namespace mr::model

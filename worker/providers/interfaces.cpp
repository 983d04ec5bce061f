#include "worker/providers/interfaces.h"

namespace mr {

std::string_view provider_fault_name(ProviderFault fault) noexcept {
    switch (fault) {
    case ProviderFault::timeout:
        return "timeout";
    case ProviderFault::unavailable:
        return "unavailable";
    case ProviderFault::rate_limited:
        return "rate_limited";
    case ProviderFault::bad_request:
        return "bad_request";
    case ProviderFault::bad_reply:
        return "bad_reply";
    case ProviderFault::filter:
        break;
    }
    return "filter_not_applicable";
}

} // namespace mr

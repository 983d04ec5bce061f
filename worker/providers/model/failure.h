// What a call to a language model came to when it failed, and what the error objects of the
// providers mean. Pure; one table of words for all of them, since none uses another's word for
// something else.
#pragma once

#include "worker/providers/interfaces.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr::model {

struct Failure {
    ProviderFault fault = ProviderFault::unavailable;
    std::string text;                              // for the user
    std::string detail;                            // for the log
    bool passing = false;                          // may be gone the next time
    std::optional<std::chrono::milliseconds> wait; // asked for by the provider
    int status = 0;                                // of the refusal; 0: there was none
    // Of a refusal: the field it names, and all it says. For finding what may be left out.
    std::string param;
    std::string message;
};

Failure failure(ProviderFault fault, std::string_view text, std::string detail, bool passing);

// An error object as a provider sends it.
struct ApiError {
    int status = 0;                 // its own, where it has one
    std::vector<std::string> words; // type, code, status, reasons
    std::string param;
    std::string message;                           // the provider's: for logs, never for users
    std::optional<std::chrono::milliseconds> wait; // how long it asks us to wait
    bool lasting = false; // a limit that no waiting within a turn helps against
};

// By the provider's own words first, by status second. A status of 0: an error inside a stream
// that has none of its own.
Failure failure_of(int status, const ApiError& error);

} // namespace mr::model

// What all Google APIs share: their errors, and who may call them; section 4.
#pragma once

#include "tests/emulator/account.h"
#include "tests/emulator/provider.h"

namespace mr::emulator::google {

// {"error": {code, message, status, details}}. Of `error`: message, status, details; reason (an
// ErrorInfo), retry_delay (a RetryInfo), array (the object in a list of one).
nlohmann::json error_body(int status, const nlohmann::json& error);

// Nothing: a token that our token server gave out, or one that the account has signed itself.
// Otherwise the reason.
std::optional<std::string> unauthorized(const Call& call, const Account& account);

// Google's words for a problem with a field.
std::string words(const Problem& problem);

} // namespace mr::emulator::google

// Error objects of Google's APIs (AIP-193), whichever of them sent one. Pure.
#pragma once

#include "worker/providers/model/failure.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace mr::google {

// Null where there is none. Its words are the status and the reasons of ErrorInfo; `wait` is what
// RetryInfo asks for.
std::optional<model::ApiError> error_of(const nlohmann::json& object);

} // namespace mr::google

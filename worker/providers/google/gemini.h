// Gemini's generateContent, on the Developer API (base URL .../v1beta) and on Vertex AI (base URL
// .../v1/projects/P/locations/L/publishers/google): the paths behind both are the same.
//
// https://ai.google.dev/api/generate-content
#pragma once

#include "worker/providers/model/dialect.h"
#include "worker/providers/model/options.h"

#include <memory>

namespace mr::google {

std::unique_ptr<model::Dialect> make_gemini_dialect(const model::Options& options);

} // namespace mr::google

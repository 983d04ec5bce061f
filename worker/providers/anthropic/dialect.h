// Anthropic's Messages API.
//
// https://platform.claude.com/docs/en/api/messages
#pragma once

#include "worker/providers/model/dialect.h"
#include "worker/providers/model/options.h"

#include <memory>

namespace mr::anthropic {

inline constexpr std::uint64_t kMaxTokens = 16'000; // the API wants a number; reasoning counts too

std::unique_ptr<model::Dialect> make_dialect(const model::Options& options);

} // namespace mr::anthropic

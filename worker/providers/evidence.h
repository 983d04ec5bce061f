// What the tools of a turn have found, as text for a language model. Bounded; the same turn gives
// the same text. Knows no model and no API.
#pragma once

#include "worker/providers/interfaces.h"

#include <string>

namespace mr {

inline constexpr std::size_t kMaxEvidenceBytes = 48 * 1024;
inline constexpr std::size_t kMaxEvidenceRows = 60; // of one table
inline constexpr std::size_t kMaxCellBytes = 300;

std::string evidence_text(const AnswerRequest& request);

// At most `bytes`, cut between code points.
std::string_view cut_text(std::string_view text, std::size_t bytes);

} // namespace mr

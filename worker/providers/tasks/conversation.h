// What of a turn is told to a language model, whatever it is asked to do: the end of the
// conversation, the question, the projects. Pure; bounded.
#pragma once

#include "worker/providers/model/chat_model.h"

#include <string>
#include <vector>

namespace mr::tasks {

inline constexpr std::size_t kHistoryMessages = 8;
inline constexpr std::size_t kHistoryCodePoints = 1'000;
inline constexpr std::size_t kMaxVisualizationBytes = 16 * 1024;
inline constexpr std::size_t kMaxDeliveredBytes = 64 * 1024; // the end of what was delivered

// The last messages of the conversation, each cut.
std::vector<ModelMessage> history_messages(const Question& question);

// The whole request for an answer.
ModelRequest answer_request(const AnswerRequest& request);

// "Projects in scope: ...": names and codes, or "all".
std::string scope_text(const ProjectScope& scope);

// Names of the projects that the conversation has been about (TurnResult::memory).
std::vector<std::string> remembered_projects(const Question& question);

} // namespace mr::tasks

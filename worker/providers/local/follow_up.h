// Completes a question that leans on the one before: "and compared with last year?", "what about
// Harbor Court?", "only the overdue ones", "by month", "as a chart".
#pragma once

#include "worker/providers/local/intent_draft.h"

namespace mr::local {

// "and ...", "what about ...", "only ...".
bool opens_as_follow_up(const Understanding& understood);

void apply_conversation(Understanding& understood, const Draft& draft, const Conversation& before);

} // namespace mr::local

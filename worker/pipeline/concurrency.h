// Two ways to run coroutines together: one against a deadline, several side by side. Both end only
// when everything they started has ended, so work may refer to the caller's locals.
#pragma once

#include "worker/providers/interfaces.h"

#include <vector>

namespace mr {

// Runs `work` until it ends or the deadline passes; then cancels it and throws
// ProviderError{timeout}. Work that ended well in spite of the cancellation counts as done.
// A cancellation of the caller throws operation_aborted. Errors of the work pass unchanged.
Task<void> run_until(Task<void> work, SteadyTime deadline);

// Runs all at once. The first one to throw cancels the others; its exception is thrown when all
// have ended. A cancellation of the caller throws operation_aborted.
Task<void> run_all(std::vector<Task<void>> works);

} // namespace mr

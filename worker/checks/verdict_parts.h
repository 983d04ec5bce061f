// The two halves of a verdict: no response, and a response.
#pragma once

#include "worker/checks/verdict.h"

namespace mr::checkup {

void judge_error(const net::HttpCausedError& error, const Run& run, const Target& target,
                 Finding& finding);
bool judge_response(const Reply& reply, const Target& target, Finding& finding);

} // namespace mr::checkup

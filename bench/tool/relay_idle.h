// The load of `relay` alone and beside many idle connections, in turn: what those cost the ones
// that are at work, and what memory they take.
#pragma once

#include "bench/tool/relay.h"

namespace mr::bench {

// options.idle of them. Throws std::runtime_error.
Result run_relay_beside_idle(const Common& common, const RelayOptions& options);

} // namespace mr::bench

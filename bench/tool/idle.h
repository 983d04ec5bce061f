// What connections cost that do nothing: memory by process and kernel, before, with all of them,
// and CPU while they are held.
#pragma once

#include "bench/tool/common.h"

namespace mr::bench {

struct IdleOptions {
    uint64_t sessions = 5000;
};

Result run_idle(const Common& common, const IdleOptions& options);

} // namespace mr::bench

// How often memory was asked for, over the whole process: each benchmark says how often per
// operation. malloc, calloc and realloc are wrapped at link time (--wrap), operator new stands on
// malloc.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

namespace mr::bench {

uint64_t allocations();

// Around the loop of a benchmark: sets its counters.
class Counted {
  public:
    Counted(benchmark::State& state, uint64_t bytes_per_operation)
        : state_(state), bytes_(bytes_per_operation), before_(allocations()) {}
    ~Counted() {
        const auto count = static_cast<double>(state_.iterations());
        state_.counters["allocs"] = static_cast<double>(allocations() - before_) / count;
        if (bytes_ != 0) {
            state_.SetBytesProcessed(static_cast<int64_t>(state_.iterations()) *
                                     static_cast<int64_t>(bytes_));
        }
    }

  private:
    benchmark::State& state_;
    uint64_t bytes_;
    uint64_t before_;
};

} // namespace mr::bench

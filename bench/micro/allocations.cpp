#include "bench/micro/allocations.h"

#include <cstdlib>
#include <new>

namespace {
uint64_t count = 0;
}

extern "C" {

void* __real_malloc(size_t size);
void* __real_calloc(size_t number, size_t size);
void* __real_realloc(void* block, size_t size);

void* __wrap_malloc(size_t size) {
    ++count;
    return __real_malloc(size);
}

void* __wrap_calloc(size_t number, size_t size) {
    ++count;
    return __real_calloc(number, size);
}

void* __wrap_realloc(void* block, size_t size) {
    ++count;
    return __real_realloc(block, size);
}
}

// The library's own are linked dynamically, where nothing is wrapped.
void* operator new(size_t size) {
    void* block = std::malloc(size != 0 ? size : 1);
    if (block == nullptr) {
        std::abort();
    }
    return block;
}
void operator delete(void* block) noexcept {
    std::free(block);
}
void operator delete(void* block, size_t) noexcept {
    std::free(block);
}

namespace mr::bench {

uint64_t allocations() {
    return count;
}

} // namespace mr::bench

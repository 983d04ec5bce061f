/* The table that a preloaded library shares with its test: a file that both map, named by an
 * environment variable. */
#pragma once

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* NULL: the variable is not set, or its file cannot be mapped. */
static inline void* map_shared_table(const char* variable, size_t bytes) {
    const char* path = getenv(variable);
    int file = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) {
        return NULL;
    }
    void* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return memory != MAP_FAILED ? memory : NULL;
}

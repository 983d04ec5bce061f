/* Preloaded into nginx by tests/module/test_torture.py: lets chosen allocations of one process fail,
 * and counts how many live. Everything is in a table in a file that the test maps as well.
 *
 * The functions behind are glibc's own by their other names: dlsym would allocate. */
#include "shared_table.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

struct table {
    _Atomic int64_t pid;   /* of the process that it is about; 0: none */
    _Atomic int64_t armed; /* allocations are counted, and some fail */
    _Atomic int64_t first; /* the first that fails, counted from 0 */
    _Atomic int64_t last;  /* the last that fails */
    _Atomic int64_t count; /* so many were asked for while armed */
    _Atomic int64_t failed;
    _Atomic int64_t live; /* so many are held by the process, those of before it was named aside */
};

static struct table *table;

__attribute__((constructor)) static void map_table(void)
{
    table = map_shared_table("MR_TORTURE_TABLE", sizeof(struct table));
}

static int is_ours(void) { return table != NULL && table->pid == getpid(); }

static int has_to_fail(void)
{
    if (!is_ours() || !table->armed) {
        return 0;
    }
    int64_t number = atomic_fetch_add(&table->count, 1);
    if (number < table->first || number > table->last) {
        return 0;
    }
    atomic_fetch_add(&table->failed, 1);
    errno = ENOMEM;
    return 1;
}

static void *lives(void *made)
{
    if (made != NULL && is_ours()) {
        atomic_fetch_add(&table->live, 1);
    }
    return made;
}

void *malloc(size_t size) { return has_to_fail() ? NULL : lives(__libc_malloc(size)); }

void *calloc(size_t count, size_t size)
{
    return has_to_fail() ? NULL : lives(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
    if (size != 0 && has_to_fail()) {
        return NULL;
    }
    void *made = __libc_realloc(old, size);
    return old == NULL ? lives(made) : made;
}

void *memalign(size_t alignment, size_t size)
{
    return has_to_fail() ? NULL : lives(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *made = memalign(alignment, size);
    if (made == NULL) {
        return ENOMEM;
    }
    *out = made;
    return 0;
}

void free(void *memory)
{
    if (memory != NULL && is_ours()) {
        atomic_fetch_sub(&table->live, 1);
    }
    __libc_free(memory);
}

#include "rampart/base/alloc.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define NEVER UINT64_MAX

/* alive = asked - failed - freed; a realloc that succeeds counts as one of each of the outer two.
 */
static atomic_uint_fast64_t asked;
static atomic_uint_fast64_t failed;
static atomic_uint_fast64_t freed;
static atomic_uint_fast64_t fail_at = NEVER; /* value of @asked that fails */

static uint64_t counter(atomic_uint_fast64_t *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static void count(atomic_uint_fast64_t *c)
{
    atomic_fetch_add_explicit(c, 1, memory_order_relaxed);
}

/* Counts the request. False when it is the one that a test wants to see fail, or larger than any
 * object. */
static bool may_try(size_t size)
{
    uint64_t n = atomic_fetch_add_explicit(&asked, 1, memory_order_relaxed);

    return n != counter(&fail_at) && size <= PTRDIFF_MAX;
}

void *mem_alloc(size_t size)
{
    void *ptr = may_try(size) ? malloc(size ? size : 1) : NULL;

    if (!ptr)
        count(&failed);
    return ptr;
}

void *mem_calloc(size_t count_of, size_t size)
{
    size_t total;
    void *ptr = NULL;

    if (__builtin_mul_overflow(count_of, size, &total))
        return NULL;
    if (may_try(total))
        ptr = calloc(1, total ? total : 1);
    if (!ptr)
        count(&failed);
    return ptr;
}

void *mem_realloc(void *ptr, size_t size)
{
    void *moved = may_try(size) ? realloc(ptr, size ? size : 1) : NULL;

    if (!moved)
        count(&failed);
    else if (ptr)
        count(&freed);
    return moved;
}

void *mem_resize(void *ptr, size_t count_of, size_t size)
{
    size_t total;

    return __builtin_mul_overflow(count_of, size, &total) ? NULL : mem_realloc(ptr, total);
}

char *mem_strndup(const char *text, size_t len)
{
    size_t total;
    char *copy;

    if (__builtin_add_overflow(len, (size_t)1, &total))
        return NULL;
    copy = mem_alloc(total);
    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

void mem_free(void *ptr)
{
    if (!ptr)
        return;
    count(&freed);
    free(ptr);
}

void mem_free_cleanup(void *ptr_to_ptr)
{
    void *ptr;

    memcpy(&ptr, ptr_to_ptr, sizeof(ptr));
    mem_free(ptr);
}

void mem_fail_nth(uint64_t nth)
{
    uint64_t now = counter(&asked);

    assert(nth < NEVER - now);
    atomic_store_explicit(&fail_at, now + nth, memory_order_relaxed);
}

bool mem_fail_disarm(void)
{
    uint64_t at = atomic_exchange_explicit(&fail_at, NEVER, memory_order_relaxed);

    return counter(&asked) > at;
}

bool mem_may_cut(void)
{
    uint64_t at = counter(&fail_at);

    if (at == NEVER)
        return true;
    count(&failed); /* asked for, and nothing that would have to be freed */
    return atomic_fetch_add_explicit(&asked, 1, memory_order_relaxed) != at;
}

size_t mem_live(void)
{
    return (size_t)(counter(&asked) - counter(&failed) - counter(&freed));
}

uint64_t mem_allocs(void)
{
    return counter(&asked);
}

uint64_t mem_failures(void)
{
    return counter(&failed);
}

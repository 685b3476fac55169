/*
 * The one place memory comes from.
 *
 * Every allocation of ours goes through these functions, and main() hands the same functions to
 * libuv, libcurl, jansson and OpenSSL, so that a test can make the n-th allocation of the whole
 * process fail and count what is still alive. libcurl resolves names on a thread of its own:
 * the counters are atomic, everything else in Rampart runs on the loop thread.
 *
 * All functions return NULL when memory (or a test's patience) is at its end. Out of memory is an
 * ordinary error: the caller drops the event, requeues or lists again, and the process goes on.
 */
#ifndef RAMPART_BASE_ALLOC_H
#define RAMPART_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))

/* Size 0 gives a unique pointer. A product that overflows gives NULL. */
MUST_CHECK void *mem_alloc(size_t size);
MUST_CHECK void *mem_calloc(size_t count, size_t size);            /* zeroed */
MUST_CHECK void *mem_realloc(void *ptr, size_t size);              /* on NULL @ptr still stands */
MUST_CHECK void *mem_resize(void *ptr, size_t count, size_t size); /* mem_realloc(count * size) */
MUST_CHECK char *mem_strdup(const char *text);
MUST_CHECK char *mem_strndup(const char *text, size_t len);
void mem_free(void *ptr); /* NULL is fine */

/* Frees *ptr and sets it to NULL, so that no reachable pointer points at freed memory. */
#define MEM_FREE_NULL(ptr) \
    do {                   \
        mem_free(ptr);     \
        (ptr) = NULL;      \
    } while (0)

/* Cleanup attribute for a local `char *` or `void *` that this scope owns. */
void mem_free_cleanup(void *ptr_to_ptr);
#define AUTO_MEM __attribute__((cleanup(mem_free_cleanup)))

/*
 * Test seam. mem_fail_nth(n) makes the n-th allocation from now on (0 is the next one) fail once;
 * mem_fail_disarm() switches it off and says whether it fired. mem_live() counts blocks that were
 * allocated and not yet freed, mem_allocs() all that were ever asked for.
 *
 * mem_may_cut() is asked before a block is cut out of memory that is held already: such a block
 * counts as an allocation while one is to fail, so that where a chunk happens to end decides
 * nothing about what a test has tried. True outside of such a test.
 */
void mem_fail_nth(uint64_t nth);
bool mem_fail_disarm(void);
bool mem_may_cut(void);
size_t mem_live(void);
uint64_t mem_allocs(void);

/* Allocations that failed so far: whether memory was out while something went on. */
uint64_t mem_failures(void);

#endif

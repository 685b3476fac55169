/*
 * Bump arena: memory of one reconcile, one decode or one event, given back all at once.
 * Nothing in an arena is freed singly. Single-threaded.
 */
#ifndef RAMPART_BASE_ARENA_H
#define RAMPART_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "rampart/base/alloc.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* owned, newest first; NULL for a fixed arena */
    char *next;                 /* first free byte of the current chunk */
    size_t left;                /* free bytes of the current chunk */
    size_t used;                /* bytes handed out since init or reset, alignment included */
    size_t used_max;            /* ceiling of @used; beyond it arena_alloc() gives NULL */
    char *fixed;                /* borrowed memory of a fixed arena, else NULL */
};

/* Grows in chunks from mem_alloc() up to @used_max bytes in all. Allocates nothing yet. */
void arena_init(struct arena *a, size_t used_max);

/*
 * Hands out @memory (borrowed, aligned for any type) and nothing else. Running the same allocations
 * in the same order on a growing arena gives the `used` that a fixed one needs.
 */
void arena_init_fixed(struct arena *a, void *memory, size_t len);

void arena_reset(struct arena *a); /* everything handed out is invalid; keeps one chunk for reuse */
void arena_done(struct arena *a);  /* frees all; NULL and a zeroed arena are fine */

/* Zeroed and aligned to max_align_t; strings are packed. NULL: out of memory or over the ceiling.
 */
MUST_CHECK void *arena_alloc(struct arena *a, size_t size);
MUST_CHECK void *arena_calloc(struct arena *a, size_t count, size_t size);
MUST_CHECK char *arena_strdup(struct arena *a, const char *text);
MUST_CHECK char *arena_strndup(struct arena *a, const char *text, size_t len);
MUST_CHECK char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void arena_done_cleanup(struct arena *a);
#define AUTO_ARENA __attribute__((cleanup(arena_done_cleanup))) struct arena

#endif

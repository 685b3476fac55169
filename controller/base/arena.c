#include "rampart/base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Under AddressSanitizer, what was not handed out or was taken back is poisoned: a pointer kept
 * over a reset is then found at its first use. */
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif
#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define POISON(ptr, len) ASAN_POISON_MEMORY_REGION((ptr), (len))
#define UNPOISON(ptr, len) ASAN_UNPOISON_MEMORY_REGION((ptr), (len))
#else
#define POISON(ptr, len) ((void)(ptr), (void)(len))
#define UNPOISON(ptr, len) ((void)(ptr), (void)(len))
#endif

#define ALIGN alignof(max_align_t)
#define CHUNK_MIN 4096u /* bytes of the first chunk, header included */
#define CHUNK_MAX \
    (256u * 1024u) /* chunks double up to here; only a larger request makes a larger chunk */
#define KEPT_MAX CHUNK_MAX /* a larger chunk does not outlive a reset */

struct arena_chunk {
    struct arena_chunk *older; /* owned; NULL at the oldest */
    size_t size;               /* bytes of @memory */
    alignas(max_align_t) char memory[];
};

void arena_init(struct arena *a, size_t used_max)
{
    *a = (struct arena){.used_max = used_max};
}

void arena_init_fixed(struct arena *a, void *memory, size_t len)
{
    assert((uintptr_t)memory % ALIGN == 0);
    *a = (struct arena){.next = memory, .left = len, .used_max = len, .fixed = memory};
}

static void start_chunk(struct arena *a, struct arena_chunk *chunk)
{
    a->chunks = chunk;
    a->next = chunk->memory;
    a->left = chunk->size;
    POISON(chunk->memory, chunk->size);
}

static void free_chunks(struct arena_chunk *chunk)
{
    while (chunk) {
        struct arena_chunk *older = chunk->older;

        UNPOISON(chunk->memory, chunk->size);
        mem_free(chunk);
        chunk = older;
    }
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *kept = NULL;

    a->used = 0;
    if (a->fixed) {
        a->next = a->fixed;
        a->left = a->used_max;
        return;
    }
    if (a->chunks &&
        a->chunks->size <= KEPT_MAX) { /* the newest is the largest of the usual ones */
        kept = a->chunks;
        a->chunks = kept->older;
        kept->older = NULL;
    }
    free_chunks(a->chunks);
    a->chunks = NULL;
    a->next = NULL;
    a->left = 0;
    if (kept)
        start_chunk(a, kept);
}

void arena_done(struct arena *a)
{
    if (!a)
        return;
    free_chunks(a->chunks);
    *a = (struct arena){0};
}

void arena_done_cleanup(struct arena *a)
{
    arena_done(a);
}

/* Makes room for @size bytes at the start of a new chunk. */
static bool add_chunk(struct arena *a, size_t size)
{
    size_t total = CHUNK_MIN, needed;
    struct arena_chunk *chunk;

    if (a->chunks)
        total = (a->chunks->size + sizeof(*chunk)) * 2;
    if (total > CHUNK_MAX)
        total = CHUNK_MAX;
    if (__builtin_add_overflow(size, sizeof(*chunk), &needed))
        return false;
    if (total < needed)
        total = needed;
    chunk = mem_alloc(total);
    if (!chunk)
        return false;
    chunk->older = a->chunks;
    chunk->size = total - sizeof(*chunk);
    start_chunk(a, chunk);
    return true;
}

static size_t padding(size_t place, size_t align)
{
    return (align - place % align) % align;
}

/*
 * @used runs as if all memory were one block, so that it says what a fixed arena needs whatever
 * chunks the bytes really came from.
 */
static void *take(struct arena *a, size_t size, size_t align)
{
    size_t used_pad = padding(a->used, align);
    size_t next_pad = padding((uintptr_t)a->next, align);
    size_t used;
    char *ptr;

    if (__builtin_add_overflow(a->used + used_pad, size, &used) || used > a->used_max)
        return NULL;
    if (!a->next || a->left < next_pad || a->left - next_pad < size) {
        if (a->fixed || !add_chunk(a, size))
            return NULL;
        next_pad = 0;
    } else if (!a->fixed && !mem_may_cut()) {
        return NULL;
    }
    ptr = a->next + next_pad;
    a->next = ptr + size;
    a->left -= next_pad + size;
    a->used = used;
    UNPOISON(ptr, size);
    return ptr;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t taken = size ? size : 1; /* so that two empty blocks differ */
    void *ptr = take(a, taken, ALIGN);

    return ptr ? memset(ptr, 0, taken) : NULL;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    size_t total;

    return __builtin_mul_overflow(count, size, &total) ? NULL : arena_alloc(a, total);
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
    size_t total;
    char *copy;

    if (__builtin_add_overflow(len, (size_t)1, &total))
        return NULL;
    copy = take(a, total, 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return arena_strndup(a, text, strlen(text));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    char *text = NULL;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    if (len >= 0)
        text = take(a, (size_t)len + 1, 1);
    if (text)
        (void)vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    va_end(args);
    return text;
}

/*
 * String-keyed map with a ceiling: uthash behind functions, with a seeded hash (keys come from
 * tenants) and out-of-memory as an error. The map copies its keys and borrows its values.
 * Iteration is in insertion order; callers that need an order sort.
 */
#ifndef RAMPART_BASE_MAP_H
#define RAMPART_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"

struct map_entry;

struct map {
    struct map_entry *head; /* owned */
    size_t count_max;       /* ceiling of entries */
};

/* Seeds the hash of all maps; call once, before the first. Maps work unseeded too. */
void map_seed(uint32_t seed);

void map_init(struct map *m, size_t count_max);
void map_done(struct map *m); /* frees entries, not values */

/* Adds or replaces. ret_old (may be NULL) receives the value that was there, else NULL.
 * Errors: ERR_NOMEM, ERR_LIMIT; then the map is as before. */
MUST_CHECK int map_put(struct map *m, const char *key, void *value, void **ret_old,
                       struct err *err);
void *map_get(const struct map *m, const char *key); /* NULL when absent */
void *map_remove(struct map *m, const char *key);    /* the value, or NULL */
/* The map's own copy of @key, borrowed until the entry goes; NULL when absent. */
const char *map_key(const struct map *m, const char *key);
size_t map_count(const struct map *m);

/* for (struct map_entry *e = map_first(m); e; e = map_next(e)): the current entry may be removed
 * only after map_next() was called. */
struct map_entry *map_first(const struct map *m);
struct map_entry *map_next(const struct map_entry *e);
const char *map_entry_key(const struct map_entry *e); /* borrowed until the entry goes */
void *map_entry_value(const struct map_entry *e);

#endif

/*
 * Sorted index of things by (namespace, name): an array of namespaces, each with an array of its
 * items. Look-ups are binary searches and allocate nothing; lists come out in order without
 * sorting; an item costs one pointer. The API server lists in nearly the same order, so that most
 * insertions append.
 *
 * Borrows its items. Cluster-scoped items share the namespace "". A namespace without items is not
 * there.
 */
#ifndef RAMPART_SYNC_INDEX_H
#define RAMPART_SYNC_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"

typedef const char *(*index_name_fn)(const void *item); /* borrowed from the item */

/* Sorted array of borrowed pointers. */
struct index_row {
    void **items; /* owned array */
    size_t count;
    size_t cap;
};

struct index {
    struct index_row shelves; /* one per namespace, by its name; owned */
    index_name_fn name_of;    /* of an item */
    size_t count;             /* items of all namespaces */
    size_t count_max;         /* ceiling of @count */
};

struct index_place { /* good until the next insertion or removal */
    size_t shelf;
    size_t item;
};

void index_init(struct index *x, index_name_fn name_of, size_t count_max);
void index_done(struct index *x); /* forgets its items */

/* NULL when absent. ret_place is set when the item was found. */
void *index_find(const struct index *x, const char *ns, const char *name,
                 struct index_place *ret_place);
/* It must not be there. Errors: ERR_NOMEM, ERR_LIMIT (full); then the index is as before. */
MUST_CHECK int index_insert(struct index *x, const char *ns, void *item, struct err *err);
void index_replace(struct index *x, const struct index_place *place,
                   void *item); /* of the same name */
void index_remove(struct index *x, const struct index_place *place);
/* Removes what @keeps says false to, in order; it may free the item. */
void index_filter(struct index *x, bool (*keeps)(void *ctx, void *item), void *ctx);

/* @ns NULL: all namespaces. */
size_t index_count(const struct index *x, const char *ns);
void index_each(const struct index *x, const char *ns, void (*fn)(void *ctx, void *item),
                void *ctx);
size_t index_bytes(const struct index *x); /* without the items and the allocator's own */

#endif

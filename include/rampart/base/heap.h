/*
 * Deadline heap: what is due first comes out first; equal deadlines come out in the order in which
 * they were put in. Nodes are embedded in the caller's structs, so putting one in never allocates
 * once heap_reserve() made room.
 */
#ifndef RAMPART_BASE_HEAP_H
#define RAMPART_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"

struct heap_node {
    uint64_t due_ms; /* monotonic */
    uint64_t order;  /* insertion number, breaks ties */
    size_t place;    /* index in the heap plus one; 0 is not in a heap */
};

struct heap {
    struct heap_node **nodes; /* owned array of borrowed nodes */
    size_t count;
    size_t cap;
    size_t count_max; /* ceiling of @count */
    uint64_t order_next;
};

void heap_init(struct heap *h, size_t count_max);
void heap_done(
    struct heap *h); /* does not touch the nodes: the caller may have freed them already */

/* Makes room for @count nodes in all. Errors: ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK int heap_reserve(struct heap *h, size_t count, struct err *err);

/* @node is in no heap. Errors as heap_reserve(). */
MUST_CHECK int heap_add(struct heap *h, struct heap_node *node, uint64_t due_ms, struct err *err);
/* @node is in the heap; it goes behind those that have the same deadline already. */
void heap_move(struct heap *h, struct heap_node *node, uint64_t due_ms);
void heap_remove(struct heap *h, struct heap_node *node); /* in no heap: nothing */
struct heap_node *heap_peek(const struct heap *h);        /* NULL when empty */
bool heap_has(const struct heap_node *node);

#endif

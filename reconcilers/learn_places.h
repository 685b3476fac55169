/*
 * In which namespaces, and with which names, one right was used. Private to learn_table.c and its
 * test.
 */
#ifndef RECONCILERS_LEARN_PLACES_H
#define RECONCILERS_LEARN_PLACES_H

#include "rampart/reconcilers/learn_table.h"

/* What is counted for a text besides its bytes: what malloc adds, and its place in an array that
 * grows by doubling. */
#define LEARN_BLOCK_BYTES 48

/* Bytes, as they are counted. */
struct learn_room {
    size_t left;  /* that may be taken */
    size_t taken; /* by the call */
    size_t given; /* back by the call */
    bool is_out;  /* it was not enough: nothing was noted */
};

/* Notes that the right was used in @ns ("": the whole cluster) with @name ("": none). -1: out of
 * memory; the places are as before, but for an empty one that may have come. The same where the
 * room is out. */
MUST_CHECK int learn_places_add(struct learn_right *right, const struct learn_bounds *bounds,
                                const char *ns, const char *name, struct learn_room *room);
void learn_places_done(struct learn_right *right);

#endif

/*
 * What a ServiceAccount may do and was not seen to do: the other side of learn_roles.h. Looks at
 * the bindings that name the account itself; what groups are granted is of no single account.
 *
 * Whatever cannot be told counts as used: single names where the table has kept none, namespaces
 * where a right was used in too many of them, and what everyone may do anyway.
 *
 * Pure.
 */
#ifndef RAMPART_RECONCILERS_LEARN_UNUSED_H
#define RAMPART_RECONCILERS_LEARN_UNUSED_H

#include "rampart/reconcilers/access_graph.h"
#include "rampart/reconcilers/learn_table.h"

#define LEARN_UNUSED_BYTES_MAX (64u << 20) /* of the arena */
#define LEARN_UNUSED_MAX 4096              /* single rights of one binding that are looked at */

/* Of one binding that gives something. */
struct learn_grant {
    const struct access_binding *binding; /* borrowed from the graph */
    struct rbac_rules unused;             /* joined by rbac_rules_join() */
    struct rbac_rules wide;               /* used, but with a star: they give more than was seen */
    bool is_cut; /* the role has more than LEARN_UNUSED_MAX single rights */
};

struct learn_unused {
    const struct learn_grant *grants; /* as the graph sorts bindings; those with something to say */
    size_t count;
};

/* All lies in @a, texts are borrowed from the graph. ERR_NOMEM. */
MUST_CHECK int learn_unused_of(const struct learn_account *account, const struct access *graph,
                               struct arena *a, struct learn_unused *ret_unused, struct err *err);

/* Puts every ServiceAccount that a binding names, and that was asked for, into the table: who was
 * never seen uses nothing. ERR_NOMEM. */
MUST_CHECK int learn_unused_know(struct learn_table *t, const struct access *graph,
                                 const struct learn_filter *filter, struct err *err);

#endif

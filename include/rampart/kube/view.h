/*
 * What a reconciler sees: sorted, read-only lists over the caches. The store fills it in
 * production, a test from files.
 */
#ifndef RAMPART_KUBE_VIEW_H
#define RAMPART_KUBE_VIEW_H

#include <stddef.h>

#include "rampart/base/arena.h"
#include "rampart/kube/object.h"

struct verdict; /* kube/plan.h */

struct object_list {
    const struct object *const
        *items; /* sorted by object_order(); arena of the call, objects borrowed from the cache */
    size_t count;
};

struct view_ops {
    /* @ns NULL: all namespaces. 0 or -1 (ERR_NOMEM). */
    int (*list)(const void *ctx, enum kind kind, const char *ns, struct arena *a,
                struct object_list *ret_list, struct err *err);
    const struct object *(*get)(const void *ctx, enum kind kind, const char *ns, const char *name);
    /* What the last pass said of a namespace; NULL before the first. */
    const struct verdict *(*verdict)(const void *ctx, const char *ns);
};

struct view {
    const struct view_ops *ops;
    const void *ctx;
    const char *own_namespace; /* the operator's; never touched */
    int64_t wall_ms;           /* now, for lastTransitionTime */
};

static inline int view_list(const struct view *v, enum kind kind, const char *ns, struct arena *a,
                            struct object_list *ret_list, struct err *err)
{
    return v->ops->list(v->ctx, kind, ns, a, ret_list, err);
}

static inline const struct object *view_get(const struct view *v, enum kind kind, const char *ns,
                                            const char *name)
{
    return v->ops->get(v->ctx, kind, ns, name);
}

static inline const struct verdict *view_verdict(const struct view *v, const char *ns)
{
    return v->ops->verdict(v->ctx, ns);
}

#endif

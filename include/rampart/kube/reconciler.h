/*
 * What the runtime asks of the reconcilers. reconcilers/registry.h fills it in; the runtime
 * (sync/manager.h) never names a reconciler, so a new one touches its own file and the registry.
 */
#ifndef RAMPART_KUBE_RECONCILER_H
#define RAMPART_KUBE_RECONCILER_H

#include "rampart/kube/plan.h"
#include "rampart/kube/view.h"

/* What is dirty after an event. */
struct dirty {
    void (*mark_namespace)(void *ctx, const char *ns);
    void (*mark_all_namespaces)(void *ctx);
    void (*mark_profile)(void *ctx, const char *profile); /* its status or finalizer */
    void (*mark_all_profiles)(void *ctx);
    void *ctx;
};

struct reconciler_ops {
    /* @before NULL: added; @after NULL: deleted. Both borrowed for the call; the view already shows
     * @after. */
    void (*map)(const struct view *v, const struct object *before, const struct object *after,
                const struct dirty *dirty);
    /* One pass over a namespace. A namespace that is gone gives an empty plan with VERDICT_NONE. */
    int (*plan_namespace)(const struct view *v, const char *ns, struct plan *plan, struct err *err);
    /* One pass over a profile: finalizer, conditions, status. The status write is PHASE_STATUS. */
    int (*plan_profile)(const struct view *v, const char *profile, struct plan *plan,
                        struct err *err);
};

#endif

/*
 * A little cluster in memory for the reconcilers' tests: objects as JSON, the product's own stores
 * over them, and writes applied as the API server would (uid, resourceVersion, merge patch, and
 * strategic merge patch of workloads: support/strategic.h). What it does not know it refuses
 * loudly. Not a simulator: no time, no faults.
 */
#ifndef TESTS_SUPPORT_WORLD_H
#define TESTS_SUPPORT_WORLD_H

#include <jansson.h>
#include <stdbool.h>

#include "rampart/kube/plan.h"
#include "rampart/kube/reconciler.h"
#include "rampart/sync/store.h"

#define WORLD_OBJECTS_MAX 512

struct world_object {
    enum kind kind;
    json_t *json; /* owned */
};

struct world {
    struct store *stores[KIND_WATCHED_COUNT];
    struct world_object objects[WORLD_OBJECTS_MAX];
    size_t count;
    unsigned clock;         /* resourceVersions and uids */
    struct verdict verdict; /* of the last pass over a namespace, its texts in @memory */
    struct arena memory;
    bool has_verdict;
    const char *ingress_to; /* a Service of any namespace to which the Ingress "front" leads */
    struct view view;
};

void world_init(struct world *w);
void world_done(struct world *w);

/* Adds or replaces (same kind, namespace, name: the uid stays). JSON with ' for " is fine. Fails
 * the test on bad JSON. */
void world_put(struct world *w, enum kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void world_remove(struct world *w, enum kind kind, const char *ns, const char *name);
/* Borrowed; NULL when absent. */
json_t *world_get(const struct world *w, enum kind kind, const char *ns, const char *name);
size_t world_count(const struct world *w, enum kind kind, const char *ns);
/* After changing the object by hand: the stores see it, resourceVersion goes up. */
void world_publish(struct world *w, enum kind kind, const char *ns, const char *name);
/* The same, and @manager owns spec. */
void world_touch(struct world *w, enum kind kind, const char *ns, const char *name,
                 const char *manager);

/* One write as the API server would do it. Fails the test where the server would refuse. */
void world_apply(struct world *w, const struct write *write);

/* One pass over the namespace into @plan (arena given), keeping the verdict for the next one. */
void world_plan(struct world *w, const struct reconciler_ops *ops, const char *ns, struct arena *a,
                struct plan *ret_plan);
/* Plans and applies until the plan is empty; fails after @passes_max. Returns the number of writes.
 */
size_t world_converge(struct world *w, const struct reconciler_ops *ops, const char *ns,
                      unsigned passes_max);

#endif

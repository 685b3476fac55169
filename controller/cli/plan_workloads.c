#include "rampart/cli/plan_workloads.h"

#include <stdlib.h>
#include <string.h>

#define PREVIEW_BYTES_MAX (16u * 1024 * 1024) /* of the arena of one workload */

static const enum kind kinds[] = {KIND_DEPLOYMENT, KIND_STATEFUL_SET, KIND_DAEMON_SET,
                                  KIND_CRON_JOB};
#define KINDS_COUNT (sizeof(kinds) / sizeof(kinds[0]))

/* PREVIEW_NEVER, the first of them, comes last. */
static unsigned rank(enum preview_when when)
{
    return ((unsigned)when + PREVIEW_WHEN_COUNT - 1) % PREVIEW_WHEN_COUNT;
}

static int order(const void *one, const void *other)
{
    const struct plan_workload *a = one, *b = other;
    int by_profile = strcmp(a->preview.profile->object.name, b->preview.profile->object.name);
    int by_name;

    if (by_profile != 0)
        return by_profile;
    if (a->preview.when != b->preview.when)
        return rank(a->preview.when) < rank(b->preview.when) ? -1 : 1;
    if (a->workload->replicas != b->workload->replicas)
        return a->workload->replicas < b->workload->replicas ? -1 : 1;
    by_name = object_order(&a->workload->object, &b->workload->object);
    return by_name != 0 ? by_name : (int)a->workload->object.kind - (int)b->workload->object.kind;
}

/* Previews in @scratch, and keeps what there is to say in @a. */
static int add(const struct view *v, const struct object *workload, struct arena *scratch,
               struct arena *a, struct plan_workloads *w, struct err *err)
{
    struct harden_preview preview;

    arena_reset(scratch);
    if (harden_preview(v, workload, scratch, &preview, err) < 0)
        return err_wrap(err, "%s %s/%s", resource_of(workload->kind)->name, workload->ns,
                        workload->name);
    if (!preview.profile || (preview.when == PREVIEW_NEVER && !preview.is_contradicted))
        return 0;
    preview.message = arena_strdup(a, preview.message);
    if (!preview.message)
        return err_nomem(err);
    w->items[w->count++] = (struct plan_workload){OBJECT_AS(workload_facts, workload), preview};
    return 0;
}

int plan_workloads_collect(const struct view *v, struct arena *a,
                           struct plan_workloads *ret_workloads, struct err *err)
{
    struct object_list lists[KINDS_COUNT];
    struct plan_workloads w = {.count = 0};
    size_t count = 0;
    AUTO_ARENA scratch;

    arena_init(&scratch, PREVIEW_BYTES_MAX);
    for (size_t k = 0; k < KINDS_COUNT; k++) {
        if (view_list(v, kinds[k], NULL, a, &lists[k], err) < 0)
            return -1;
        count += lists[k].count;
    }
    w.items = arena_calloc(a, count, sizeof(*w.items));
    if (!w.items)
        return err_nomem(err);
    for (size_t k = 0; k < KINDS_COUNT; k++) {
        for (size_t i = 0; i < lists[k].count; i++) {
            if (add(v, lists[k].items[i], &scratch, a, &w, err) < 0)
                return -1;
        }
    }
    if (w.count > 0)
        qsort(w.items, w.count, sizeof(*w.items), order);
    *ret_workloads = w;
    return 0;
}

#include "rampart/cli/plan_view.h"

#include <stdlib.h>
#include <string.h>

static int list(const void *ctx, enum kind kind, const char *ns, struct arena *a,
                struct object_list *ret_list, struct err *err)
{
    const struct plan_view *v = ctx;

    if (kind != KIND_PROFILE)
        return snapshot_list(v->snapshot, kind, ns, a, ret_list, err);
    *ret_list = v->profiles;
    return 0;
}

static const struct object *get(const void *ctx, enum kind kind, const char *ns, const char *name)
{
    const struct plan_view *v = ctx;

    if (kind != KIND_PROFILE)
        return snapshot_get(v->snapshot, kind, ns, name);
    for (size_t i = 0; i < v->profiles.count; i++) {
        if (strcmp(v->profiles.items[i]->name, name) == 0)
            return v->profiles.items[i];
    }
    return NULL;
}

static const struct verdict *no_verdict(const void *ctx, const char *ns)
{
    (void)ctx;
    (void)ns;
    return NULL;
}

static const struct view_ops ops = {.list = list, .get = get, .verdict = no_verdict};

static bool is_replaced(const struct profile_list *files, const char *name)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->items[i]->object.name, name) == 0)
            return true;
    }
    return false;
}

static int order(const void *one, const void *other)
{
    return object_order(*(const struct object *const *)one, *(const struct object *const *)other);
}

static bool raise_mode(enum mode *mode)
{
    if (*mode != MODE_AUDIT)
        return false;
    *mode = MODE_ENFORCE;
    return true;
}

/* The profile as it would enforce, its finalizer in place. */
static const struct profile *enforcing(struct plan_view *v, const struct profile *p,
                                       struct arena *a)
{
    struct profile *copy = arena_alloc(a, sizeof(*copy));
    bool is_raised = false;

    if (!copy)
        return NULL;
    *copy = *p;
    if (copy->network.is_stated)
        is_raised = raise_mode(&copy->network.mode);
    if (copy->workloads.is_stated)
        is_raised |= raise_mode(&copy->workloads.mode);
    if (copy->pod_security.is_stated)
        is_raised |= raise_mode(&copy->pod_security.mode);
    v->raised_count += is_raised;
    if (copy->mode == MODE_AUDIT)
        copy->mode = MODE_ENFORCE;
    copy->has_finalizer = copy->has_finalizer || copy->removes_on_delete;
    return copy;
}

int plan_view_init(struct plan_view *v, const struct snapshot *snapshot,
                   const struct profile_list *files, const char *own_namespace, int64_t wall_ms,
                   struct arena *a, struct err *err)
{
    struct object_list present;
    const struct object **items;
    size_t count = 0;

    *v = (struct plan_view){.snapshot = snapshot};
    v->view =
        (struct view){.ops = &ops, .ctx = v, .own_namespace = own_namespace, .wall_ms = wall_ms};
    if (snapshot_list(snapshot, KIND_PROFILE, NULL, a, &present, err) < 0)
        return -1;
    items = arena_calloc(a, present.count + files->count, sizeof(const struct object *));
    if (!items)
        return err_nomem(err);
    for (size_t i = 0; i < present.count + files->count; i++) {
        bool is_present = i < present.count;
        const struct profile *p =
            is_present ? OBJECT_AS(profile, present.items[i]) : files->items[i - present.count];

        if (is_present && is_replaced(files, p->object.name))
            continue;
        if (!is_present || files->count == 0)
            p = enforcing(v, p, a);
        if (!p)
            return err_nomem(err);
        items[count++] = &p->object;
    }
    qsort(items, count, sizeof(const struct object *), order);
    v->profiles = (struct object_list){.items = items, .count = count};
    return 0;
}

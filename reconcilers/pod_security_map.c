#include <string.h>

#include "rampart/kube/workload.h"
#include "rampart/reconcilers/pod_security.h"

static bool same_text(const char *one, const char *other)
{
    return one && other ? strcmp(one, other) == 0 : one == other;
}

static void map_namespace(const struct object *before, const struct object *after,
                          const struct dirty *dirty)
{
    const struct namespace_facts *old = OBJECT_AS(namespace_facts, before);
    const struct namespace_facts *new = OBJECT_AS(namespace_facts, after);
    bool is_marked_as_before =
        same_text(old ? old->pod_security : NULL, new ? new->pod_security : NULL);

    if (before && after && strcmp(before->uid, after->uid) == 0 &&
        before->is_deleting == after->is_deleting && is_marked_as_before &&
        labels_equal(&old->labels, &new->labels))
        return;
    dirty->mark_pod_security(dirty->ctx, after ? after->name : before->name);
    /* The last one of a profile that is going lets its finalizer go. */
    if (old && old->pod_security && !is_marked_as_before)
        dirty->mark_profile(dirty->ctx, old->pod_security);
    if (new &&new->pod_security && !is_marked_as_before)
        dirty->mark_profile(dirty->ctx, new->pod_security);
}

static bool states_it(const struct object *object)
{
    const struct profile *p = OBJECT_AS(profile, object);

    return p && p->pod_security.is_stated;
}

static void map_profile(const struct object *before, const struct object *after,
                        const struct dirty *dirty)
{
    const struct profile *old = OBJECT_AS(profile, before), *new = OBJECT_AS(profile, after);

    if (!states_it(before) && !states_it(after))
        return;
    if (old && new &&strcmp(before->uid, after->uid) == 0 && old->generation == new->generation &&
        before->is_deleting == after->is_deleting && old->has_finalizer == new->has_finalizer)
        return;
    dirty->mark_pod_security(dirty->ctx, NULL);
}

/* A label waits for a template, or Audit tells what it would wait for. */
static void map_workload(const struct view *v, const struct object *before,
                         const struct object *after, const struct dirty *dirty)
{
    const struct workload_facts *old = OBJECT_AS(workload_facts, before);
    const struct workload_facts *new = OBJECT_AS(workload_facts, after);
    const char *ns = after ? after->ns : before->ns;
    const struct verdict *verdict = view_pod_security(v, ns);

    if (verdict && verdict->state == VERDICT_COMPLIANT)
        return;
    if (old && new &&strcmp(before->uid, after->uid) == 0 &&
        strcmp(old->template_digest, new->template_digest) == 0)
        return;
    dirty->mark_pod_security(dirty->ctx, ns);
}

void pod_security_map(const struct view *v, const struct object *before, const struct object *after,
                      const struct dirty *dirty)
{
    enum kind kind = after ? after->kind : before->kind;

    if (kind == KIND_NAMESPACE)
        map_namespace(before, after, dirty);
    else if (kind == KIND_PROFILE)
        map_profile(before, after, dirty);
    else if (kind_is_workload(kind))
        map_workload(v, before, after, dirty);
}

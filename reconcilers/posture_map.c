#include <string.h>

#include "rampart/kube/workload.h"
#include "rampart/reconcilers/posture.h"

static void mark_object(const struct object *object, const struct dirty *dirty)
{
    dirty->mark_object(dirty->ctx, object->kind, object->ns, object->name);
}

/* The namespace's own rules ask for its policies, and whether anything runs in it. */
static void mark_namespace_itself(const char *ns, const struct dirty *dirty)
{
    dirty->mark_object(dirty->ctx, KIND_NAMESPACE, "", ns);
}

/* A rollout changes the status of a workload many times over, and nothing that a rule asks for. */
static bool is_as_before(const struct workload_facts *one, const struct workload_facts *other)
{
    return strcmp(one->object.uid, other->object.uid) == 0 &&
           strcmp(one->template_digest, other->template_digest) == 0;
}

static void map_workload(const struct object *before, const struct object *after,
                         const struct dirty *dirty)
{
    const struct object *any = after ? after : before;

    if (before && after &&
        is_as_before(OBJECT_AS(workload_facts, before), OBJECT_AS(workload_facts, after)))
        return;
    mark_object(any, dirty);
    if (!before || !after)
        mark_namespace_itself(any->ns, dirty);
}

static void map_namespace(const struct object *before, const struct object *after,
                          const struct dirty *dirty)
{
    if (before && after && strcmp(before->uid, after->uid) == 0 &&
        before->is_deleting == after->is_deleting &&
        labels_equal(&OBJECT_AS(namespace_facts, before)->labels,
                     &OBJECT_AS(namespace_facts, after)->labels))
        return;
    dirty->mark_objects(dirty->ctx, after ? after->name : before->name);
}

static void map_profile(const struct object *before, const struct object *after,
                        const struct dirty *dirty)
{
    if (before && after && strcmp(before->uid, after->uid) == 0 &&
        before->is_deleting == after->is_deleting &&
        OBJECT_AS(profile, before)->generation == OBJECT_AS(profile, after)->generation)
        return;
    dirty->mark_objects(dirty->ctx, NULL);
    dirty->mark_scan(dirty->ctx);
}

void posture_map(const struct view *v, const struct object *before, const struct object *after,
                 const struct dirty *dirty)
{
    const struct object *any = after ? after : before;

    (void)v;
    if (kind_is_workload(any->kind)) {
        map_workload(before, after, dirty);
        return;
    }
    switch (any->kind) {
    case KIND_NAMESPACE:
        map_namespace(before, after, dirty);
        break;
    case KIND_PROFILE:
        map_profile(before, after, dirty);
        break;
    case KIND_EXCEPTION:
        dirty->mark_exception(dirty->ctx, any->ns, any->name);
        dirty->mark_objects(dirty->ctx, any->ns);
        dirty->mark_scan(dirty->ctx);
        break;
    case KIND_SERVICE:
        mark_object(any, dirty);
        break;
    case KIND_NETWORK_POLICY:
        mark_namespace_itself(any->ns, dirty);
        break;
    default:
        break;
    }
}

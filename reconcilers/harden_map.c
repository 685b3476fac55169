#include <string.h>

#include "rampart/kube/workload.h"
#include "rampart/reconcilers/harden.h"
#include "rampart/reconcilers/rollout_mark.h"

#define MARK_BYTES_MAX (64u * 1024) /* of the arena that one mark is read into */

static bool is_same_text(const char *one, const char *other)
{
    return one && other ? strcmp(one, other) == 0 : one == other;
}

/* A step asks for nothing else; resourceVersions and heartbeats of a status come and go. */
static bool is_as_before(const struct workload_facts *a, const struct workload_facts *b)
{
    return is_same_text(a->object.uid, b->object.uid) &&
           a->object.is_deleting == b->object.is_deleting &&
           is_same_text(a->template_digest, b->template_digest) && is_same_text(a->fill, b->fill) &&
           is_same_text(a->rollout, b->rollout) && is_same_text(a->owner_kind, b->owner_kind) &&
           is_same_text(a->owner_name, b->owner_name) && a->generation == b->generation &&
           a->observed_generation == b->observed_generation && a->replicas == b->replicas &&
           a->replicas_updated == b->replicas_updated && a->replicas_ready == b->replicas_ready &&
           a->replicas_available == b->replicas_available && a->is_paused == b->is_paused &&
           a->is_on_delete == b->is_on_delete && a->has_partition == b->has_partition &&
           a->is_ordered == b->is_ordered && a->is_stalled == b->is_stalled &&
           is_same_text(a->revision_update, b->revision_update) &&
           a->jobs_digest == b->jobs_digest &&
           is_same_text(a->template_rival.manager, b->template_rival.manager) &&
           claims_equal(a->claims, b->claims);
}

/* The last mark that goes lets the finalizer of its profile go. */
static void mark_owner(const struct workload_facts *before, const struct workload_facts *after,
                       const struct dirty *dirty)
{
    struct rollout_mark mark;
    struct err err = {0};
    AUTO_ARENA a;

    if (!before || !before->rollout || (after && is_same_text(before->rollout, after->rollout)))
        return;
    arena_init(&a, MARK_BYTES_MAX);
    if (rollout_mark_read(before->rollout, &a, &mark, &err) < 0) {
        if (err.code == ERR_NOMEM)
            dirty->mark_all_profiles(dirty->ctx);
        return;
    }
    if (!after || !after->rollout || !rollout_mark_holds(after->rollout, mark.profile))
        dirty->mark_profile(dirty->ctx, mark.profile);
}

static void map_workload(const struct object *before, const struct object *after,
                         const struct dirty *dirty)
{
    const struct workload_facts *was = OBJECT_AS(workload_facts, before);
    const struct workload_facts *is = OBJECT_AS(workload_facts, after);
    const struct object *any = after ? after : before;

    if (was && is && is_as_before(was, is))
        return;
    dirty->mark_workload(dirty->ctx, any->kind, any->ns, any->name);
    mark_owner(was, is, dirty);
}

static void map_namespace(const struct object *before, const struct object *after,
                          const struct dirty *dirty)
{
    if (before && after && strcmp(before->uid, after->uid) == 0 &&
        before->is_deleting == after->is_deleting &&
        labels_equal(&OBJECT_AS(namespace_facts, before)->labels,
                     &OBJECT_AS(namespace_facts, after)->labels))
        return;
    dirty->mark_workloads(dirty->ctx, after ? after->name : before->name);
}

/* Not its status; but the finalizer, without which one that promises to take back begins nothing.
 */
static bool says_the_same(const struct profile *one, const struct profile *other)
{
    return strcmp(one->object.uid, other->object.uid) == 0 &&
           one->object.is_deleting == other->object.is_deleting &&
           one->generation == other->generation && one->has_finalizer == other->has_finalizer;
}

static void map_profile(const struct object *before, const struct object *after,
                        const struct dirty *dirty)
{
    if (before && after && says_the_same(OBJECT_AS(profile, before), OBJECT_AS(profile, after)))
        return;
    dirty->mark_workloads(dirty->ctx, NULL);
}

void harden_map(const struct view *v, const struct object *before, const struct object *after,
                const struct dirty *dirty)
{
    const struct object *any = after ? after : before;

    (void)v;
    if (kind_is_workload(any->kind))
        map_workload(before, after, dirty);
    else if (any->kind == KIND_NAMESPACE)
        map_namespace(before, after, dirty);
    else if (any->kind == KIND_EXCEPTION)
        dirty->mark_workloads(dirty->ctx, any->ns);
    else if (any->kind == KIND_PROFILE)
        map_profile(before, after, dirty);
}

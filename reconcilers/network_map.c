#include <string.h>

#include "network_pass.h"
#include "rampart/kube/network_plugin.h"

static void map_namespace(const struct object *before, const struct object *after,
                          const struct dirty *dirty)
{
    const struct namespace_facts *old = OBJECT_AS(namespace_facts, before);
    const struct namespace_facts *new = OBJECT_AS(namespace_facts, after);

    if (before && after && strcmp(before->uid, after->uid) == 0 &&
        before->is_deleting == after->is_deleting && labels_equal(&old->labels, &new->labels))
        return;
    dirty->mark_namespace(dirty->ctx, after ? after->name : before->name);
    dirty->mark_all_profiles(dirty->ctx); /* what they select is counted in their status */
}

/* Nothing but status, or a change of metadata that nobody reads here. */
static bool says_the_same(const struct profile *one, const struct profile *other)
{
    return strcmp(one->object.uid, other->object.uid) == 0 &&
           one->generation == other->generation &&
           one->object.is_deleting == other->object.is_deleting &&
           one->has_finalizer == other->has_finalizer && !one->invalid == !other->invalid;
}

static void map_profile(const struct object *before, const struct object *after,
                        const struct dirty *dirty)
{
    if (before && after && says_the_same(OBJECT_AS(profile, before), OBJECT_AS(profile, after))) {
        dirty->mark_profile(dirty->ctx, after->name);
        return;
    }
    dirty->mark_all_namespaces(dirty->ctx);
    dirty->mark_all_profiles(dirty->ctx);
}

static void map_policy(const struct object *before, const struct object *after,
                       const struct dirty *dirty)
{
    const char *profile = before ? OBJECT_AS(netpol_facts, before)->profile : NULL;

    dirty->mark_namespace(dirty->ctx, after ? after->ns : before->ns);
    /* The last one of a profile that is going lets its finalizer go. */
    if (profile && before->is_ours)
        dirty->mark_profile(dirty->ctx, profile);
}

static void map_service_or_slice(const struct view *v, const struct object *before,
                                 const struct object *after, const struct dirty *dirty)
{
    const struct object *any = after ? after : before;

    if (!cluster_facts_differ(before, after))
        return;
    if ((before && cluster_facts_depend_on(before)) || (after && cluster_facts_depend_on(after)))
        dirty->mark_all_namespaces(dirty->ctx);
    else if (backends_touch(v, any->ns) || network_cut_off_touches(v, before, after))
        dirty->mark_namespace(dirty->ctx, any->ns);
}

static void map_hook(const struct object *object, const struct dirty *dirty)
{
    const struct hook_facts *hook = OBJECT_AS(hook_facts, object);

    for (size_t i = 0; hook && i < hook->refs_count; i++)
        dirty->mark_namespace(dirty->ctx, hook->refs[i].ns);
}

void network_map(const struct view *v, const struct object *before, const struct object *after,
                 const struct dirty *dirty)
{
    switch (after ? after->kind : before->kind) {
    case KIND_NAMESPACE:
        map_namespace(before, after, dirty);
        break;
    case KIND_PROFILE:
        map_profile(before, after, dirty);
        break;
    case KIND_NETWORK_POLICY:
        map_policy(before, after, dirty);
        break;
    case KIND_SERVICE:
    case KIND_ENDPOINT_SLICE:
        map_service_or_slice(v, before, after, dirty);
        break;
    case KIND_VALIDATING_WEBHOOK:
    case KIND_MUTATING_WEBHOOK:
    case KIND_API_SERVICE:
    case KIND_CRD:
        map_hook(before, dirty);
        map_hook(after, dirty);
        if (network_plugin_of(after ? after->name : before->name))
            dirty->mark_all_profiles(dirty->ctx); /* their status says what the plugin is */
        break;
    case KIND_DEPLOYMENT:
    case KIND_STATEFUL_SET:
    case KIND_DAEMON_SET:
        if (deny_rollout_touches(v, before, after) || network_cut_off_touches(v, before, after))
            dirty->mark_namespace(dirty->ctx, after ? after->ns : before->ns);
        break;
    default:
        break;
    }
}

#include "rampart/reconcilers/selection.h"

#include <string.h>

static bool beats(const struct profile *one, const struct profile *other)
{
    if (one->priority != other->priority)
        return one->priority > other->priority;
    return strcmp(one->object.name, other->object.name) < 0;
}

static bool states_network(const struct profile *p)
{
    return p->network.is_stated;
}

static bool states_workloads(const struct profile *p)
{
    return p->workloads.is_stated;
}

static bool states_pod_security(const struct profile *p)
{
    return p->pod_security.is_stated;
}

static const struct profile *best_of(const struct view *v, const struct object_list *profiles,
                                     const struct namespace_facts *ns,
                                     bool (*states_section)(const struct profile *p))
{
    const struct profile *best = NULL;

    for (size_t i = 0; i < profiles->count; i++) {
        const struct profile *p = OBJECT_AS(profile, profiles->items[i]);

        if (!states_section(p) || !profile_selects(p, ns, v->own_namespace))
            continue;
        if (!best || beats(p, best))
            best = p;
    }
    return best;
}

const struct profile *selection_network(const struct view *v, const struct object_list *profiles,
                                        const struct namespace_facts *ns)
{
    return best_of(v, profiles, ns, states_network);
}

const struct profile *selection_workloads(const struct view *v, const struct object_list *profiles,
                                          const struct namespace_facts *ns)
{
    return best_of(v, profiles, ns, states_workloads);
}

const struct profile *selection_pod_security(const struct view *v,
                                             const struct object_list *profiles,
                                             const struct namespace_facts *ns)
{
    return best_of(v, profiles, ns, states_pod_security);
}

int selection_workloads_of(const struct view *v, const char *ns, struct arena *a,
                           const struct profile **ret_profile, struct err *err)
{
    const struct object *facts = view_get(v, KIND_NAMESPACE, "", ns);
    struct object_list profiles = {0};

    if (facts && view_list(v, KIND_PROFILE, NULL, a, &profiles, err) < 0)
        return -1;
    *ret_profile =
        facts ? selection_workloads(v, &profiles, OBJECT_AS(namespace_facts, facts)) : NULL;
    return 0;
}

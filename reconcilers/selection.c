#include "rampart/reconcilers/selection.h"

#include <string.h>

static bool beats(const struct profile *one, const struct profile *other)
{
    if (one->priority != other->priority)
        return one->priority > other->priority;
    return strcmp(one->object.name, other->object.name) < 0;
}

const struct profile *selection_network(const struct view *v, const struct object_list *profiles,
                                        const struct namespace_facts *ns)
{
    const struct profile *best = NULL;

    for (size_t i = 0; i < profiles->count; i++) {
        const struct profile *p = OBJECT_AS(profile, profiles->items[i]);

        if (!p->network.is_stated || !profile_selects(p, ns, v->own_namespace))
            continue;
        if (!best || beats(p, best))
            best = p;
    }
    return best;
}

/* What a profile's status says of hardening. */
#include <string.h>

#include "rampart/kube/workload.h"
#include "rampart/reconcilers/profile_status.h"
#include "rampart/reconcilers/rollout_mark.h"

#define FINDINGS_MAX 256 /* among which the first contested one is looked for */

static const enum kind kinds[] = {KIND_DEPLOYMENT, KIND_STATEFUL_SET, KIND_DAEMON_SET,
                                  KIND_CRON_JOB};

/* Exactly what can be taken back, as harden.c sees it. */
static bool holds(const struct view *v, const struct profile *p, const struct workload_facts *w)
{
    const struct object *ns;

    if (!w->rollout || w->object.is_deleting || !rollout_mark_holds(w->rollout, p->object.name))
        return false;
    ns = view_get(v, KIND_NAMESPACE, "", w->object.ns);
    return ns && !ns->is_deleting && strcmp(ns->name, v->own_namespace) != 0;
}

static int count_filled(const struct view *v, const struct profile *p, struct arena *a,
                        struct profile_tally *t, struct err *err)
{
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        struct object_list list;

        if (view_list(v, kinds[k], NULL, a, &list, err) < 0)
            return -1;
        for (size_t i = 0; i < list.count && (t->filled == 0 || p->object.is_deleting); i++)
            t->filled += holds(v, p, OBJECT_AS(workload_facts, list.items[i]));
    }
    return 0;
}

static int add_findings(const struct view *v, const struct profile *p, struct arena *a,
                        struct profile_tally *t, struct err *err)
{
    const struct finding *const *findings;
    size_t count;
    bool has_more;

    if (view_hardening_findings(v, p->object.name, FINDINGS_MAX, a, &findings, &count, &has_more,
                                err) < 0)
        return -1;
    t->is_drift_cut |= has_more;
    for (size_t i = 0; i < count; i++) {
        profile_tally_keep(t, findings[i]);
        if (findings[i]->reason == REASON_CONTESTED && !t->contested_workload)
            t->contested_workload = findings[i];
    }
    return 0;
}

int profile_tally_rollouts(const struct view *v, const struct profile *p, struct arena *a,
                           struct profile_tally *t, struct err *err)
{
    const struct harden_turns *turns = view_hardening(v, p->object.name);

    t->rollouts = turns ? *turns : (struct harden_turns){.message = ""};
    if ((p->removes_on_delete || p->has_finalizer) && count_filled(v, p, a, t, err) < 0)
        return -1;
    return add_findings(v, p, a, t, err);
}

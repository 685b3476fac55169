#include "rampart/reconcilers/rules/namespace_posture.h"

static void direction_add(struct direction_posture *direction, const struct netpol_facts *np,
                          bool isolates, bool allows_all)
{
    direction->is_denied = direction->is_denied || (isolates && np->selects_all_pods);
    if (allows_all && !direction->undone_by)
        direction->undone_by = np->object.name;
}

static int policies_read(const struct view *v, const char *ns, struct arena *a,
                         struct namespace_posture *posture, struct err *err)
{
    struct object_list policies;

    if (view_list(v, KIND_NETWORK_POLICY, ns, a, &policies, err) < 0)
        return -1;
    for (size_t i = 0; i < policies.count; i++) {
        const struct netpol_facts *np = OBJECT_AS(netpol_facts, policies.items[i]);

        direction_add(&posture->ingress, np, np->isolates_ingress, np->allows_all_ingress);
        direction_add(&posture->egress, np, np->isolates_egress, np->allows_all_egress);
        if (np->reaches_metadata && !posture->metadata_by)
            posture->metadata_by = np->object.name;
    }
    return 0;
}

int namespace_posture_read(const struct view *v, const struct namespace_facts *ns, struct arena *a,
                           struct namespace_posture *ret_posture, struct err *err)
{
    static const enum kind workloads[] = {KIND_DEPLOYMENT, KIND_STATEFUL_SET, KIND_DAEMON_SET,
                                          KIND_CRON_JOB};
    struct namespace_posture posture = {
        .name = ns->object.name,
        .psa_enforce = labels_get(&ns->labels, LABEL_PSA_ENFORCE),
    };
    struct object_list list;

    if (policies_read(v, posture.name, a, &posture, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
        if (view_list(v, workloads[i], posture.name, a, &list, err) < 0)
            return -1;
        posture.workloads_count += list.count;
    }
    *ret_posture = posture;
    return 0;
}

/*
 * What the rules about a namespace ask for, read from the caches: its labels, its NetworkPolicies,
 * and whether workloads run in it. Pure.
 *
 * What no API tells is not here: whether the network plugin enforces NetworkPolicies, policies of
 * other kinds (a plugin's own, AdminNetworkPolicy), and pods in the host's network, to which no
 * NetworkPolicy applies.
 */
#ifndef RAMPART_RECONCILERS_RULES_NAMESPACE_POSTURE_H
#define RAMPART_RECONCILERS_RULES_NAMESPACE_POSTURE_H

#include "rampart/kube/view.h"

#define LABEL_PSA_ENFORCE "pod-security.kubernetes.io/enforce"

struct direction_posture {
    bool is_denied;        /* a policy isolates every pod in this direction */
    const char *undone_by; /* the first policy with a rule that allows everything; NULL: none */
};

struct namespace_posture { /* texts are borrowed from the caches */
    const char *name;
    const char *psa_enforce; /* value of LABEL_PSA_ENFORCE; NULL: not there */
    struct direction_posture ingress;
    struct direction_posture egress;
    const char *metadata_by; /* the first policy by which pods reach the metadata addresses; NULL */
    size_t workloads_count;  /* Deployments, StatefulSets, DaemonSets, CronJobs */
};

/* @a is for lists of the call. ERR_NOMEM. */
MUST_CHECK int namespace_posture_read(const struct view *v, const struct namespace_facts *ns,
                                      struct arena *a, struct namespace_posture *ret_posture,
                                      struct err *err);

#endif

/*
 * Default-deny and its allows for one namespace, as NetworkPolicies, one per concern:
 *
 *   rampart-default-deny           every pod, the directions of defaultDeny, no rule
 *   rampart-allow-dns              egress to the DNS
 *   rampart-allow-same-namespace   both directions between the namespace's own pods
 *   rampart-allow-api-server       egress to the endpoints of default/kubernetes
 *   rampart-allow-from, -to        the profile's own lists
 *   rampart-allow-cluster-dns      ingress to the DNS pods, in the namespace that has them
 *   rampart-allow-backend-SERVICE  ingress to pods that the API server calls
 *
 * The order of writes. A NetworkPolicy that allows something also isolates the pods it selects (an
 * egress rule for DNS alone cuts everything else off), so "allows first, deny last" is not enough:
 * with two allows in one direction there would be a moment with only the first. Whenever a sequence
 * of writes would pass through a state that is stricter than where it comes from and where it goes,
 * the default-deny *carries* every allow meanwhile: it is written first with all rules in it, the
 * other policies follow, and the next pass, which sees all of them in place, takes the rules out
 * again. Backend policies, which select pods of their own, carry likewise. What a pass does depends
 * only on what it sees, so being killed between any two writes is harmless.
 *
 * A policy that cannot be computed (DNS not found, a backend without a resolvable port) or whose
 * name is taken refuses the deny where it does not stand yet, and leaves everything that stands as
 * it is: a posture is never lowered because we do not know something.
 */
#ifndef RAMPART_RECONCILERS_NETWORK_H
#define RAMPART_RECONCILERS_NETWORK_H

#include "rampart/kube/reconciler.h"
#include "rampart/reconcilers/cluster_facts.h"
#include "rampart/reconcilers/policy_spec.h"

#define POLICY_PREFIX NAME_PREFIX
#define POLICY_DENY "rampart-default-deny"
#define POLICIES_MAX 128        /* of ours in one namespace */
#define CUT_OFF_MAX 8           /* findings about what the deny of a namespace would cut off */
#define CUT_OFF_LOOKS_MAX 20000 /* workloads asked for it whether they are behind a Service */

enum concern { /* bits of plan.in_place */
               CONCERN_DENY = 0,
               CONCERN_DNS,
               CONCERN_SAME_NAMESPACE,
               CONCERN_API_SERVER,
               CONCERN_FROM,
               CONCERN_TO,
               CONCERN_CLUSTER_DNS,
               CONCERN_BACKEND,
               CONCERN_COUNT,
};

/* One policy that the profile wants. */
struct wanted {
    enum concern concern;
    const char *name;
    struct policy_spec spec;
    const char *text;                    /* canonical spec */
    const char *unresolved;              /* NULL; else why it cannot be computed */
    enum reason reason;                  /* of unresolved */
    const struct netpol_facts *observed; /* ours and there; NULL: missing */
    bool is_taken;                       /* an object of that name belongs to somebody else */
};

struct wanted_list {
    struct wanted *items; /* [0] is the deny when anything is wanted; sorted by name after it */
    size_t count;
};

/* What @profile wants in @ns: desired state only, nothing observed. */
MUST_CHECK int network_wanted(const struct view *v, const struct profile *profile, const char *ns,
                              struct arena *a, struct wanted_list *ret_list, struct err *err);

/* The network part of a namespace's pass; see reconciler_ops.plan_namespace. */
MUST_CHECK int network_plan(const struct view *v, const char *ns, struct plan *plan,
                            struct err *err);
void network_map(const struct view *v, const struct object *before, const struct object *after,
                 const struct dirty *dirty);

#endif

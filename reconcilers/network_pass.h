/* Shared by the files of the network reconciler: one pass over one namespace. Not for others. */
#ifndef RAMPART_RECONCILERS_NETWORK_PASS_H
#define RAMPART_RECONCILERS_NETWORK_PASS_H

#include "rampart/reconcilers/deny_rollout.h"
#include "rampart/reconcilers/network.h"
#include "rampart/reconcilers/ownership.h"

#define NETWORK_RULE "network" /* that its findings go by */

/* One policy of ours that stands in the namespace. */
struct standing {
    const struct netpol_facts *facts;
    const struct wanted *wanted; /* NULL: it is to be removed */
    struct observed_spec seen;   /* what is read back when an order has to be found */
};

struct network_pass {
    const struct view *view;
    const struct namespace_facts *ns;
    const struct profile
        *profile; /* who decides; NULL: nobody any more, what is in @standing goes */
    struct ownership own;
    struct plan *plan;
    struct arena *arena;         /* the plan's */
    struct object_list policies; /* all of the namespace, foreign ones too */
    struct wanted_list wanted;
    struct deny_step deny;      /* of the default-deny, in Enforce */
    const struct finding *kept; /* to be said once the deny is written; NULL: nothing */
    struct standing *standing;
    size_t standing_count;
    bool is_removal_explained;    /* a profile that is going explains its deletions */
    const struct verdict *before; /* the last pass's; may be NULL */
};

/* A finding that counts as failed makes the namespace fail. */
MUST_CHECK int network_add_finding(struct network_pass *p, const struct finding *finding,
                                   struct err *err);

/* The deny of a namespace that was running before (deny_rollout.h): fills in p->deny, and where it
 * is taken back what is wanted becomes the parked policy alone. */
MUST_CHECK int network_deny(struct network_pass *p, struct err *err);
/* What stands under the deny's name denies nothing, or is about to. */
bool network_is_parked(const struct network_pass *p);

/* In Audit, where the deny does not stand yet: what it would cut off, as far as that can be known.
 * CUT_OFF_MAX findings at most. */
MUST_CHECK int network_cut_off(struct network_pass *p, struct err *err);
/* Whether a change of a Service or workload may matter to that. Cheap; either may be NULL. */
bool network_cut_off_touches(const struct view *v, const struct object *before,
                             const struct object *after);

/* Bit of plan.in_place for a policy. */
uint32_t network_in_place_bit(enum concern concern, const char *name);

/* Whether the policy stands as wanted, marks and all. */
bool network_is_right(const struct network_pass *p, const struct wanted *w);

/* Adds the writes of the pass, in an order that is safe to be cut anywhere (network.h says why and
 * how). */
MUST_CHECK int network_order(struct network_pass *p, struct err *err);

/* What somebody else did to a policy: the finding that goes out as an Event once it is put right,
 * or NULL (the difference is our own doing: an older profile, a carrying policy, a first creation).
 */
MUST_CHECK int network_drift(struct network_pass *p, const struct wanted *w,
                             const struct finding **ret_finding, struct err *err);
/* "spec.ingress, spec.podSelector": where two canonical specs differ. NULL: out of memory. */
const char *network_differences(const char *one, const char *other, struct arena *a);

#endif

/*
 * What is ours and how it is written: bodies of creations, patches and deletions of the objects
 * that Rampart owns. The only file that makes deletions. Pure.
 */
#ifndef RAMPART_RECONCILERS_OWNERSHIP_H
#define RAMPART_RECONCILERS_OWNERSHIP_H

#include "rampart/kube/plan.h"
#include "rampart/kube/profile.h"

/* Whose the object is: the Namespace owns it (ownerReference), the profile's name is a label. */
struct ownership {
    const char *ns;
    const char *ns_uid;
    const char *profile;
    const char *rollout; /* ANNOTATION_ROLLOUT of what is written; "": taken off; NULL: as it is */
};

/* Whether labels, hash annotation (for @spec_text) and ownerReference are as we write them. */
bool ownership_is_right(const struct netpol_facts *policy, const struct ownership *own,
                        const char *spec_text);
/* Whether somebody took our label, put another one on or changed the ownerReferences: drift, and
 * not merely another profile or spec of ours. */
bool ownership_was_taken(const struct netpol_facts *policy, const struct ownership *own);
/* Whether the spec is what we wrote at some time, as the hash annotation tells. */
bool ownership_wrote_spec(const struct netpol_facts *policy);

/* Whether we may delete it: ours, and it still says so and belongs to its Namespace @ns_uid.
 * Somebody's own policy that merely carries our label or our prefix is none of our business. */
bool ownership_may_delete(const struct netpol_facts *policy, const char *ns_uid);

/* Each adds one write to @plan and returns it; NULL when the plan is broken (err set). */
struct write *ownership_create(struct plan *plan, enum plan_phase phase, const char *name,
                               const struct ownership *own, const char *spec_text, struct err *err);
/* A JSON merge patch with uid and resourceVersion that states every member of spec: what must not
 * be there is null. */
struct write *ownership_mend(struct plan *plan, enum plan_phase phase,
                             const struct netpol_facts *policy, const struct ownership *own,
                             const char *spec_text, struct err *err);
/* Asserts ownership_may_delete(). */
struct write *ownership_delete(struct plan *plan, enum plan_phase phase,
                               const struct netpol_facts *policy, const struct ownership *own,
                               bool is_explained, struct err *err);
struct stuck_pod; /* reconcilers/pods_evidence.h */
/* A pod of a revision that was taken back, which its StatefulSet waits for and never replaces: the
 * one thing of somebody else's that is ever deleted, with its uid as precondition. */
struct write *ownership_delete_stuck_pod(struct plan *plan, const char *ns,
                                         const struct stuck_pod *pod, struct err *err);

#endif

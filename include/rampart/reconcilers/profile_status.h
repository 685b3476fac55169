/*
 * A profile's own pass: its finalizer and its status, from the verdicts of all namespaces. Pure;
 * the status is written only when its text changes.
 */
#ifndef RAMPART_RECONCILERS_PROFILE_STATUS_H
#define RAMPART_RECONCILERS_PROFILE_STATUS_H

#include "rampart/kube/reconciler.h"

#define STATUS_DRIFT_MAX 20     /* entries of status.drift; more sets driftTruncated */
#define STATUS_MESSAGE_MAX 1024 /* bytes of one message in it */

/* What the namespaces say, added up. */
struct profile_tally {
    size_t
        selected; /* namespaces that the profile selects, those that another one decides included */
    size_t decided; /* of those: where its network section is the one that counts */
    size_t compliant;
    size_t drifted;
    size_t failed;
    size_t left; /* of the failed: decided by another profile or none, with policies that cannot be
                    taken back */
    size_t pending;     /* decided, but no pass has looked yet */
    size_t standing;    /* policies that carry its name, in namespaces that are not terminating */
    const char *plugin; /* the network plugin, as far as the API tells; NULL: unknown */
    const char *winner; /* a profile that decides in its place somewhere; NULL for none */
    const struct finding **drift; /* sorted, at most STATUS_DRIFT_MAX */
    size_t drift_count;
    bool is_drift_cut;
    size_t contested;              /* of the decided: what is written there does not stay */
    const struct finding *contest; /* of the first of those, by name; NULL for none */
    const struct finding *worst;   /* the first finding that counts as failed, else the first one */
};

MUST_CHECK int profile_tally(const struct view *v, const struct profile *p, struct arena *a,
                             struct profile_tally *ret_tally, struct err *err);

/* Canonical JSON of the status. */
MUST_CHECK const char *profile_status_text(const struct view *v, const struct profile *p,
                                           const struct profile_tally *tally, struct arena *a,
                                           struct err *err);

/* See reconciler_ops.plan_profile. */
MUST_CHECK int profile_plan(const struct view *v, const char *name, struct plan *plan,
                            struct err *err);

#endif

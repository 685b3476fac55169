/*
 * A profile's own pass: its finalizer and its status, from the verdicts of all namespaces. Pure;
 * the status is written only when its text changes.
 */
#ifndef RAMPART_RECONCILERS_PROFILE_STATUS_H
#define RAMPART_RECONCILERS_PROFILE_STATUS_H

#include "rampart/kube/reconciler.h"

#define STATUS_DRIFT_MAX 20     /* entries of status.drift; more sets driftTruncated */
#define STATUS_MESSAGE_MAX 1024 /* bytes of one message in it */

/* Namespaces by what the passes of one section say. */
struct section_tally {
    size_t compliant;
    size_t drifted;
    size_t failed; /* those included where what it made cannot be taken back */
};

/* What the namespaces say, added up. */
struct profile_tally {
    size_t
        selected; /* namespaces that the profile selects, those that another one decides included */
    size_t decided; /* of those: where one of its sections about the namespace itself, network and
                       podSecurityAdmission, is the one that counts */
    size_t overridden; /* where another profile decides one of those that it states */
    size_t compliant;
    size_t drifted;
    size_t unsettled; /* of the drifted: in a section in Enforce */
    size_t failed;
    size_t left; /* of the failed: decided by another profile or none, with policies that cannot be
                    taken back */
    size_t pending; /* decided, but a pass has not looked yet */
    struct section_tally network, labels;
    size_t standing;    /* policies that carry its name, in namespaces that are not terminating */
    size_t networked;   /* namespaces that its network section decides, in Enforce */
    size_t labelling;   /* namespaces whose labels it fills in */
    size_t labelled;    /* namespaces with a mark in its name: labels that can be taken back */
    const char *plugin; /* the network plugin, as far as the API tells; NULL: unknown */
    const char *winner; /* a profile that decides in its place somewhere; NULL for none */
    const struct finding **drift; /* sorted, at most STATUS_DRIFT_MAX */
    size_t drift_count;
    bool is_drift_cut;
    size_t contested;              /* of the decided: what is written there does not stay */
    const struct finding *contest; /* of the first of those, by name; NULL for none */
    const struct finding *worst;   /* the first finding that counts as failed, else the first one */
    /* Of the workloads section; all zero where the profile states none or it is Off. */
    bool has_workloads;
    struct posture_tally postures;  /* those of the last scan included */
    const char *unknown_rules;      /* "a, b"; "" for none */
    const char *scan_trouble;       /* why Pods and Jobs could not be listed; "" */
    const struct finding *unread;   /* the first object that cannot be evaluated; NULL */
    const struct finding *deviates; /* the first one that fails a rule that is required; NULL */
    /* Of hardening (reconcilers/harden_tally.c). */
    size_t filling; /* namespaces for which it fills in */
    size_t filled;  /* workloads with a mark in its name, of which something can be taken back; not
                       counted further than 1 unless it is being deleted */
    struct harden_turns rollouts;             /* zero, and a message "", where nothing is known */
    const struct finding *contested_workload; /* the first one; NULL */
};

static inline size_t tally_workloads(const struct profile_tally *t)
{
    return (size_t)t->postures.states[POSTURE_COMPLIANT] + t->postures.states[POSTURE_EXEMPT] +
           t->postures.states[POSTURE_DRIFTED] + t->postures.states[POSTURE_FAILED];
}

/* Keeps the first STATUS_DRIFT_MAX in sorted order. */
void profile_tally_keep(struct profile_tally *t, const struct finding *finding);
/* The part that is about workloads (reconcilers/posture_tally.c). */
MUST_CHECK int profile_tally_postures(const struct view *v, const struct profile *p,
                                      struct arena *a, struct profile_tally *t, struct err *err);

/* The part that is about hardening, but for @filling (reconcilers/harden_tally.c). */
MUST_CHECK int profile_tally_rollouts(const struct view *v, const struct profile *p,
                                      struct arena *a, struct profile_tally *t, struct err *err);

MUST_CHECK int profile_tally(const struct view *v, const struct profile *p, struct arena *a,
                             struct profile_tally *ret_tally, struct err *err);

struct json_build;

/* Writes status.rules, sorted by id. ERR_NOMEM. */
MUST_CHECK int profile_status_rules(struct json_build *j, const struct view *v,
                                    const struct profile *p, const struct profile_tally *t,
                                    struct arena *a, struct err *err);

/* Canonical JSON of the status. */
MUST_CHECK const char *profile_status_text(const struct view *v, const struct profile *p,
                                           const struct profile_tally *tally, struct arena *a,
                                           struct err *err);

/* See reconciler_ops.plan_profile. */
MUST_CHECK int profile_plan(const struct view *v, const char *name, struct plan *plan,
                            struct err *err);

#endif

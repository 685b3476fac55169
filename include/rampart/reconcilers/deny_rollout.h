/*
 * The default-deny of a namespace that already has running pods: it is watched after it came, and
 * taken back where more than a share of the workloads that were ready before turn unready. Pure:
 * now is an input, the time to look again an output.
 *
 * All state is in the cluster, in the mark on the deny itself (ANNOTATION_ROLLOUT of
 * rampart-default-deny). It comes with the deny's creation and tells until when it is watched and
 * which workloads were ready before. When that time is over it is taken off: a deny without a mark
 * is never taken back, whatever becomes of the workloads, so that nobody gets rid of it by breaking
 * his own pods later. In a namespace where nothing is ready there is no mark, and nothing is
 * watched.
 *
 * A deny that is taken back stands as a policy that selects no pod (DENY_PARKED_SPEC) and carries
 * the mark that says why. The allows go with it: each of them isolates the pods that it selects, so
 * with them the namespace would stay cut off. It is tried again when the profile's spec changes, or
 * another profile decides, or the namespace's own policies (those that are not Rampart's) change,
 * or when somebody deletes the parked policy.
 *
 * A workload has turned unready when it has fewer than half of the ready pods that it had before
 * (or that it wants by now, where that is less). One that is gone, is scaled to zero or has another
 * pod template by now was changed by its owner and does not count. Ready pods are counted by
 * Deployments, StatefulSets and DaemonSets: pods of nobody, or of another controller, are not seen.
 */
#ifndef RAMPART_RECONCILERS_DENY_ROLLOUT_H
#define RAMPART_RECONCILERS_DENY_ROLLOUT_H

#include "rampart/kube/profile.h"
#include "rampart/kube/view.h"

/* Canonical spec of a deny that was taken back: nobody wants a pod with that label. */
#define DENY_PARKED_SPEC                                                                \
    "{\"podSelector\":{\"matchLabels\":{\"rampart.dev/default-deny\":\"taken-back\"}}," \
    "\"policyTypes\":[\"Ingress\"]}"
#define DENY_WATCHED_MAX 256 /* workloads of one namespace, by kind and name; more do not count */
#define DENY_MESSAGE_MAX 256 /* bytes in a mark */
#define DENY_NAMED_MAX 3     /* unready workloads that a message names */

enum deny_phase {
    DENY_UNMARKED = 0, /* it stands for good, or nothing was running when it came */
    DENY_PROVING,      /* it stands, and readiness is watched */
    DENY_TAKEN_BACK,   /* it is parked */
    DENY_PHASE_COUNT,
};

struct deny_ready { /* one workload that was ready before */
    char key[17];   /* 16 hex digits over its uid and pod template: others mean another one */
    int32_t ready;  /* pods, > 0 */
};

struct deny_mark {
    enum deny_phase phase;
    int64_t until_s; /* wall clock; of DENY_PROVING */
    struct deny_ready *before;
    size_t before_count; /* of DENY_PROVING */
    const char *profile; /* of DENY_TAKEN_BACK, as the next three: tried again when they differ */
    int64_t generation;
    const char *policies; /* 16 hex digits over the namespace's own policies */
    const char *message;  /* who turned unready */
};

/* ERR_INVALID: not one of ours, or tampered with. ERR_NOMEM. */
MUST_CHECK int deny_mark_read(const char *text, struct arena *a, struct deny_mark *ret_mark,
                              struct err *err);
/* ERR_NOMEM. */
MUST_CHECK int deny_mark_write(const struct deny_mark *mark, struct arena *a, const char **ret_text,
                               struct err *err);

struct deny_input {
    const struct view *view;
    const char *ns;
    const struct profile *profile;      /* who decides, in Enforce */
    const struct netpol_facts *deny;    /* ours; NULL: missing */
    const struct object_list *policies; /* all of the namespace */
    bool has_stood; /* it stood when we last looked: it is made again, and not watched */
};

struct deny_step {
    bool is_parked;       /* what is wanted is the parked policy alone */
    bool begins;          /* the deny is about to come, and to be watched */
    const char *mark;     /* to be written with the deny; "": taken off; NULL: left as it is */
    const char *unready;  /* of is_parked and is_kept:
                             "2 of 3 workloads: Deployment web (0 of 3 pods ready), ..." */
    bool is_kept;         /* onFailure is Keep: said once, and no longer watched */
    int64_t look_again_s; /* wall clock; 0: only on news */
};

/* ERR_NOMEM. What it returns lies in @a. */
MUST_CHECK int deny_step(const struct deny_input *in, struct arena *a, struct deny_step *ret_step,
                         struct err *err);

/* Whether the policy is a deny of ours that was taken back and selects no pod. */
bool deny_is_parked(const struct netpol_facts *deny);
/* Whether a change of a Deployment, StatefulSet or DaemonSet may matter to the deny of its
 * namespace. Cheap; either may be NULL. */
bool deny_rollout_touches(const struct view *v, const struct object *before,
                          const struct object *after);

#endif

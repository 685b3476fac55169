/*
 * The rollout that proves a fill: one step of its state machine for one workload, and the planner
 * that decides whose turn it is. Pure: now is an input, the time to look again an output.
 *
 * All state is in the cluster: the mark on the workload (ANNOTATION_ROLLOUT), the key on the
 * template and on the revisions that had it (ANNOTATION_FILL), and what the pods say now. A process
 * that is killed anywhere goes on where it was.
 */
#ifndef RAMPART_RECONCILERS_ROLLOUT_H
#define RAMPART_RECONCILERS_ROLLOUT_H

#include "rampart/kube/workload.h"
#include "rampart/reconcilers/fill.h"

enum rollout_phase { /* of the mark */
                     ROLLOUT_NONE = 0,
                     ROLLOUT_PROVING, /* filled in, its pods are watched */
                     ROLLOUT_PENDING, /* filled in where nothing runs: proof pending until the first
                                         Pod */
                     ROLLOUT_PROVEN,
                     ROLLOUT_REVERTED,   /* it did not come back and was taken back: not again for
                                            this template */
                     ROLLOUT_STOOD_DOWN, /* a user rolled it back */
                     ROLLOUT_CONTESTED,  /* a rival took it back twice */
};

struct rollout_mark { /* as JSON in the annotation; at most ROLLOUT_MARK_LEN_MAX bytes */
    enum rollout_phase phase;
    const char *key; /* of the fill */
    const char *profile;
    const char *rival;   /* ROLLOUT_CONTESTED: its name where known */
    const char *message; /* why it was reverted: the pod's own words, at most 256 bytes */
    int64_t started_s;   /* wall clock */
    uint32_t lost;       /* rounds that a rival took it back */
    uint32_t restarts;   /* highest restart count of the pods before */
};
MUST_CHECK int rollout_mark_read(const char *text, struct arena *a, struct rollout_mark *ret_mark,
                                 struct err *err); /* ERR_INVALID: not one of ours */
MUST_CHECK int rollout_mark_write(const struct rollout_mark *mark, struct arena *a,
                                  const char **ret_text, struct err *err);

/* What the pods and revisions of one workload say; gathered by the runtime, all lists paged. */
enum pod_trouble { POD_FINE = 0, POD_CONFIG_ERROR, POD_CRASH_LOOP, POD_IMAGE, POD_OOM_KILLED };
struct pods_evidence {
    bool is_complete; /* false: not gathered, or it failed: wait */
    size_t old_count, old_ready, new_count, new_ready;
    enum pod_trouble old_trouble, new_trouble; /* the worst */
    const char *new_message;                   /* of the worst new pod */
    const struct container_evidence *users;    /* of the running pods */
    size_t users_count;
    const char **keys_tried; /* ANNOTATION_FILL of revisions that are not the current one, sorted */
    size_t keys_tried_count;
    bool has_budget_room; /* no PodDisruptionBudget that selects them is without room */
};

enum rollout_act {
    ROLLOUT_ACT_NOTHING = 0,
    ROLLOUT_ACT_LOOK,   /* gather evidence and ask again */
    ROLLOUT_ACT_FILL,   /* write it, with the mark */
    ROLLOUT_ACT_MARK,   /* write only the mark: proven, stood down, contested */
    ROLLOUT_ACT_REVERT, /* take back, with the mark */
};

struct rollout_step {
    enum rollout_act act;
    struct rollout_mark mark; /* to be written with it */
    struct fill fill;         /* of ROLLOUT_ACT_FILL */
    int64_t look_again_s;     /* wall clock; INT64_MAX: only on news */
    const char *reason;       /* why nothing is done, for status: "Paused", "WouldBreak", ... */
    const char *message;
};

struct rollout_input {
    const struct workload_facts *workload;
    const struct workload_facts
        *before; /* what it was when the pass before saw it; NULL: new to us */
    const struct workloads_section *section;
    const struct pods_evidence *pods; /* NULL: not gathered */
    const char *profile;
    int64_t now_s;
    bool has_turn; /* the planner lets it begin; what has begun goes on without */
};
MUST_CHECK int rollout_step(const struct rollout_input *in, struct arena *a,
                            struct rollout_step *ret_step, struct err *err);

#endif

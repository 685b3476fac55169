/*
 * Hardening of workloads, which belong to somebody else: what the runtime (sync/manager.h) asks of
 * the reconcilers (reconcilers/harden.h).
 *
 * One workload at a time: step() says what it needs next. Where that is to be read (evidence, the
 * live object) the runtime reads it and asks again with it; a plan it carries out; else it waits
 * for news, for a time or for the workload's turn. All state is in the cluster. What the runtime
 * keeps beside it (struct harden_memory, what the last step said) may be lost at any moment: a
 * process that is killed anywhere goes on where it was, and nothing is rolled out twice for one
 * reason.
 */
#ifndef RAMPART_KUBE_HARDEN_H
#define RAMPART_KUBE_HARDEN_H

#include "rampart/kube/plan.h"
#include "rampart/kube/view.h"

enum harden_want {
    HARDEN_NOTHING = 0, /* until news of the workload, or harden_step.look_again_s */
    HARDEN_EVIDENCE,    /* its revisions, pods and disruption budgets */
    HARDEN_LIVE,        /* the whole live object, managedFields included */
    HARDEN_ROOM,        /* HARDEN_EVIDENCE, and what its namespace says about requests and limits */
    HARDEN_WRITE,       /* the plan is to be carried out */
};

enum harden_state {
    HARDEN_IDLE = 0, /* nothing to be done, or nothing that may be done */
    HARDEN_WAITS,    /* for its turn, or it has it and looks */
    HARDEN_RUNS,     /* a fill is being proven */
    HARDEN_PROVEN,
    HARDEN_FAILED,
    HARDEN_CONTESTED, /* a rival has it */
    HARDEN_STATE_COUNT,
};

/*
 * What the step that took it up saw of the workload: the next one tells from it what has changed.
 * Kept for each workload under a profile that fills in, so it is small. Hashes; zero where there is
 * nothing.
 */
struct harden_memory {
    uint64_t uid;
    uint64_t digest; /* of the template */
    uint64_t fill;   /* ANNOTATION_FILL */
    int32_t replicas;
    uint8_t note; /* the reconciler's own: what the last look at the pods spoke against */
    bool is_there : 1;
    bool has_settled : 1; /* no rollout ran */
    bool is_healthy : 1;
    bool is_paused : 1;
};

struct harden_input {
    const struct object *workload;      /* of the caches */
    const struct harden_memory *before; /* NULL: new to this process */
    /* Both as just read: what was read for a step is also given to the next one that it leads to.
     */
    const void *evidence; /* of evidence_end(); NULL: not read, or it failed */
    const json_t *live;   /* NULL: not read, or it failed */
    bool has_turn;        /* it may begin; what has begun goes on without */
    bool may_delete_pods; /* the last deletion was not refused for want of the right */
};

struct harden_step {
    enum harden_want want;
    enum harden_state state;
    bool is_idle;        /* zero replicas or a CronJob: no pods to wait for */
    bool is_concerned;   /* false: no profile fills it in and nothing of ours is in it; the runtime
                            forgets it */
    const char *profile; /* who decides, borrowed from the view; NULL: nobody */
    struct harden_memory memory; /* for the next step ... */
    bool keeps_before;           /* ... unless the change of the owner is not answered yet */
    int64_t look_again_s;        /* wall clock; INT64_MAX: only on news */
    /* What is to be said of it (skipped and why, reverted, contested), NULL: nothing. The runtime
     * makes an Event of it when it has not said the same of the workload before. */
    const struct finding *finding;
    bool keeps_finding; /* nothing new is known yet: what was said of it stands, @finding is NULL */
    bool was_said; /* by a process before this one, as the mark on the workload tells: no Event */
};

struct harden_item {               /* one workload of a profile, for the turns */
    const struct object *workload; /* borrowed */
    enum harden_state state;
    bool is_idle;
    bool has_turn; /* set by turns() */
};

struct harden_turns {
    uint32_t running, waiting, proven, failed; /* idle ones are not among the running */
    uint32_t contested;
    bool is_paused;      /* too many have failed: nobody has a turn until the profile changes */
    const char *message; /* of is_paused, with what to do; else "" */
};

enum harden_source {
    HARDEN_REVISIONS = 0,
    HARDEN_PODS,
    HARDEN_BUDGETS,
    HARDEN_LIMIT_RANGES, /* these and the next ones only of HARDEN_ROOM */
    HARDEN_QUOTAS,
    HARDEN_AUTOSCALERS, /* VerticalPodAutoscalers: where the API server has none, there is none */
    HARDEN_SOURCE_COUNT,
};

#define HARDEN_EVIDENCE_BYTES_MAX (256u * 1024) /* of the arena of one workload's evidence */

struct harden_ops {
    /*
     * One step. @plan is empty, and holds the writes of HARDEN_WRITE. What it returns lies in the
     * plan's arena or is borrowed from the view and @in. ERR_NOMEM.
     */
    int (*step)(const struct view *v, const struct harden_input *in, struct plan *plan,
                struct harden_step *ret_step, struct err *err);
    /* Whose turn it is among all workloads of @profile that are concerned. Sorts @items.
     * @was_paused: under this very profile; then it stays so, although what had begun before may
     * have come to a good end. */
    int (*turns)(const struct view *v, const char *profile, bool was_paused,
                 struct harden_item *items, size_t count, struct arena *a,
                 struct harden_turns *ret_turns, struct err *err);
    /*
     * Evidence, in constant memory: begin, for HARDEN_EVIDENCE or HARDEN_ROOM, then each object of
     * the revisions, of the pods, of the budgets, and so on, one at a time as the server lists
     * them, then end. *ret_evidence lies in @a. Between the revisions and the pods select() gives
     * the label selector that narrows the list of the pods ("" for none), in @a. All: ERR_NOMEM.
     */
    int (*evidence_begin)(const struct object *workload, enum harden_want want, struct arena *a,
                          void **ret_build, struct err *err);
    int (*evidence_take)(void *build, enum harden_source source, const json_t *root,
                         struct err *err);
    int (*evidence_select)(void *build, struct arena *a, const char **ret_selector,
                           struct err *err);
    int (*evidence_end)(void *build, const void **ret_evidence, struct err *err);
};

#endif

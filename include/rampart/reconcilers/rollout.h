/*
 * The rollout that proves a fill: one step of its state machine for one workload. Pure: now is an
 * input, the time to look again an output.
 *
 * All state is in the cluster: the mark on the workload (ANNOTATION_ROLLOUT), the key on the
 * template and on the revisions that had it (ANNOTATION_FILL), and what the pods say now. A process
 * that is killed anywhere goes on where it was. No key is filled in twice: the second round against
 * a rival has a key of its own (ROLLOUT_SECOND_ROUND at its end).
 */
#ifndef RAMPART_RECONCILERS_ROLLOUT_H
#define RAMPART_RECONCILERS_ROLLOUT_H

#include "rampart/kube/harden.h"
#include "rampart/reconcilers/fill.h"
#include "rampart/reconcilers/pods_evidence.h"
#include "rampart/reconcilers/rollout_mark.h"

#define ROLLOUT_SECOND_ROUND ".2"
#define ROLLOUT_SOAK_S                                                                  \
    15                   /* a new pod is ready for so long before it proves anything: a \
                          * container without a probe is ready until it crashes */
#define ROLLOUT_LOOK_S 5 /* between looks at the pods of a rollout */
#define ROLLOUT_PENDING_LOOK_S                                                                    \
    600 /* between looks for the first Pod of a CronJob: news of its Jobs ask for one anyway, but \
         * not of those that its owner started by hand and that failed */
#define ROLLOUT_ACTIVE_LOOK_S 60 /* the same while a Job of it runs, whose pods may hang */
#define ROLLOUT_REFUSED_LOOK_S                                                                  \
    60                           /* until pods or budgets that spoke against it are asked again \
                                  */
#define ROLLOUT_OOM_WATCH_S 3600 /* OOM kills count so long after requests or limits came */
#define ROLLOUT_OOM_LOOK_S 300   /* between looks in that time */

enum rollout_act {
    ROLLOUT_ACT_NOTHING = 0,
    ROLLOUT_ACT_LOOK,        /* gather evidence and ask again */
    ROLLOUT_ACT_FILL,        /* write @fill under @mark.key, with @mark */
    ROLLOUT_ACT_MARK,        /* write only the mark */
    ROLLOUT_ACT_REVERT,      /* take back, with the mark */
    ROLLOUT_ACT_DELETE_PODS, /* delete @stuck, each with its uid as precondition */
};

enum rollout_reason { /* why nothing is written; for status and for the planner */
                      ROLLOUT_FINE = 0,
                      ROLLOUT_UNREADABLE, /* the template cannot be read */
                      ROLLOUT_OWNED, /* by a controller, which would take it back: report only */
                      ROLLOUT_CANNOT_PROVE,  /* OnDelete or partition: report only */
                      ROLLOUT_WOULD_BREAK,   /* pre-flight: it runs as root */
                      ROLLOUT_UNKNOWN_USER,  /* pre-flight: not known, and onUnknown is Skip */
                      ROLLOUT_TRIED_BEFORE,  /* a revision says that this fill was tried */
                      ROLLOUT_FAILED_BEFORE, /* the mark says that it was reverted or kept */
                      ROLLOUT_USER_UNDID,    /* stood down */
                      ROLLOUT_IS_CONTESTED,  /* given up to a rival */
                      ROLLOUT_MEMORY_FULL,   /* more revisions than can be told apart */
                      ROLLOUT_PAUSED,
                      ROLLOUT_WAITS_FOR_CHANGE, /* when: NextChange */
                      ROLLOUT_OTHER_RUNS,       /* another rollout runs */
                      ROLLOUT_UNHEALTHY,        /* it was before */
                      ROLLOUT_NO_BUDGET_ROOM,   /* PodDisruptionBudget */
                      ROLLOUT_WAITS_FOR_TURN,   /* the planner's */
                      ROLLOUT_RUNS,             /* being proven */
                      ROLLOUT_WAITS_FOR_POD,    /* proof pending */
                      ROLLOUT_CANNOT_DELETE,    /* stuck pods, and no right to delete them */
                      ROLLOUT_NO_QUOTA,         /* ResourceQuota: no requests or limits */
                      ROLLOUT_STATED_NULL,      /* somebody states a field as null */
                      ROLLOUT_REASON_COUNT,
};
const char *rollout_reason_name(enum rollout_reason reason); /* "WaitsForChange" */
/* The message of what rollout_step.left says, but of ROLLOUT_STATED_NULL, where it is "". */
const char *rollout_left_message(enum rollout_reason left);

struct rollout_step {
    enum rollout_act act;
    struct rollout_mark mark;      /* to be written with it */
    struct fill fill;              /* of ROLLOUT_ACT_FILL */
    const struct stuck_pod *stuck; /* of ROLLOUT_ACT_DELETE_PODS; borrowed from the evidence */
    size_t stuck_count;
    int64_t look_again_s;       /* wall clock; INT64_MAX: only on news */
    enum rollout_reason left;   /* what is wanted and not filled in by this look: WOULD_BREAK,
                                   UNKNOWN_USER, NO_QUOTA, STATED_NULL or FINE */
    const char *left_message;   /* of @left; "" of FINE */
    bool has_fill;              /* something is to be filled in besides that */
    bool wants_room;            /* of ROLLOUT_ACT_LOOK: with what the namespace says about requests
                                   and limits */
    enum rollout_reason reason; /* may stand beside an act: the rest of the fill would break */
    const char *message;        /* one line for people; "" when there is nothing to say */
    bool keeps_before; /* the change of the owner is not answered yet: the next step is to be given
                          the same @before */
};

struct rollout_input {
    const struct workload_facts *workload;
    const struct harden_memory *before; /* of the last step that did not keep it; NULL: new to this
                                           process */
    const struct workloads_section *section;
    const struct pods_evidence *pods; /* NULL: not gathered, or it failed */
    const struct fill_exempt *exempt; /* NULL: nothing is exempted */
    const char *profile;
    const char *profile_uid; /* a part of the key: one that is made again under its name may try
                                what the one before had tried. NULL: none */
    int64_t profile_generation;
    int64_t now_s;
    bool may_fill; /* false: nothing is begun, and what has begun comes to its end all the same */
    bool has_turn; /* the planner lets it begin; what has begun goes on without */
    bool may_delete_pods; /* without that right an OrderedReady StatefulSet is report only */
};
/* What the next step has to know of this one; zero is nothing. */
void rollout_remember(const struct workload_facts *w, struct harden_memory *ret_memory);

/* ERR_NOMEM. Whatever it returns lies in @a or is borrowed from @in. */
MUST_CHECK int rollout_step(const struct rollout_input *in, struct arena *a,
                            struct rollout_step *ret_step, struct err *err);

#endif

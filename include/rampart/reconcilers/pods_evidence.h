/*
 * What the pods, revisions and disruption budgets of one workload say, gathered from projected
 * objects one at a time: constant memory, however many pods there are.
 *
 * Order of the calls: pods_evidence_begin(), the revisions, the pods, the budgets, and
 * pods_evidence_end(). Revisions are ReplicaSets of a Deployment, ControllerRevisions of a
 * StatefulSet or DaemonSet, Jobs of a CronJob; those of other owners are passed over, and so are
 * pods that belong to none of them. Pods that are being deleted say nothing.
 *
 * The members that have to be projected:
 *   all       metadata.name, .uid, .labels, .annotations, .deletionTimestamp, .ownerReferences,
 *             and the mark OBJECT_CUT
 *   revision  revision, spec.template.metadata.annotations, data.spec.template.metadata.annotations
 *   Pod       status.phase, .conditions, .containerStatuses, .initContainerStatuses
 *   budget    spec.selector, status.disruptionsAllowed
 */
#ifndef RAMPART_RECONCILERS_PODS_EVIDENCE_H
#define RAMPART_RECONCILERS_PODS_EVIDENCE_H

#include <jansson.h>

#include "rampart/base/arena.h"
#include "rampart/kube/workload.h"
#include "rampart/reconcilers/fill.h"
#include "rampart/reconcilers/room.h"

#define EVIDENCE_REVISIONS_MAX 128 /* revisions of one workload; the usual history has 10 */
#define EVIDENCE_USERS_MAX 64      /* names of containers, injected ones included */
#define EVIDENCE_STUCK_MAX 8       /* OrderedReady has one at a time */
#define EVIDENCE_STATUSES_MAX 128  /* container statuses of one list of one pod */
#define EVIDENCE_MESSAGE_MAX 256   /* bytes; longer ones are cut */
#define EVIDENCE_RESTARTS_CRASHING                                   \
    3 /* restarts from which a container that is not ready counts as \
       * crashing, though it happens to run when it is looked at */

enum pod_trouble { /* bits; the higher one has the word */
                   POD_OOM_KILLED = 1u << 0,
                   POD_IMAGE = 1u << 1,        /* ErrImagePull, InvalidImageName, ... */
                   POD_CRASH_LOOP = 1u << 2,   /* or a Job's pod that has failed */
                   POD_CONFIG_ERROR = 1u << 3, /* CreateContainerConfigError and its kin */
};

struct tried_fill { /* a revision that is not the current one and carries ANNOTATION_FILL, but for
                       one that we have taken back since then as its profile went; of a CronJob any
                       Job that does, for none of them is current */
    const char *key;
    bool is_proven;   /* its copy of the mark says so: whoever took it away, it was no failure */
    int64_t proven_s; /* wall clock, of is_proven */
};

struct stuck_pod { /* of a revision that is not the current one, and was never ready */
    const char *name;
    const char *uid;
    const char *key; /* ANNOTATION_FILL that it was made with */
};

struct pods_evidence {
    size_t old_count, old_ready, new_count, new_ready; /* a Job's pod that succeeded is ready */
    uint8_t old_troubles, new_troubles;                /* bits of enum pod_trouble */
    const char *new_message; /* of the worst new pod: "pod web-1: container app: ..."; "" is none */
    int64_t new_ready_s; /* wall clock: when a new pod last became ready, or one of its containers
                            last began; 0: none has */
    const struct container_evidence *users; /* of the running containers, sorted by name */
    size_t users_count;             /* 0 as well when there are more than EVIDENCE_USERS_MAX */
    const struct tried_fill *tried; /* sorted by key, each once */
    size_t tried_count;
    bool has_all_tried; /* false: more than EVIDENCE_REVISIONS_MAX revisions */
    const struct stuck_pod *stuck;
    size_t stuck_count;   /* the first EVIDENCE_STUCK_MAX */
    bool has_budget_room; /* no PodDisruptionBudget that selects them is without room */
    struct room room;     /* of HARDEN_ROOM */
};

struct evidence_revision {
    const char *uid;
    const char *hash; /* the value of the pods' label; "" of a Job */
    const char *key;  /* ANNOTATION_FILL; NULL: none */
    int64_t number;
    bool is_proven;
    int64_t marked_s;       /* of its copy of the mark that is about its own key; 0: none */
    const char *taken_back; /* its copy of the mark says that we took this key back; NULL: not so */
    int64_t taken_back_s;
};

struct pods_evidence_build {
    const struct workload_facts *workload; /* borrowed */
    struct arena *a;                       /* borrowed; all results lie in it */
    struct evidence_revision revisions[EVIDENCE_REVISIONS_MAX];
    size_t revisions_count;
    const struct evidence_revision *current; /* NULL: not known */
    struct container_evidence users[EVIDENCE_USERS_MAX];
    size_t users_count;
    struct stuck_pod stuck[EVIDENCE_STUCK_MAX];
    uint8_t worst; /* trouble that the message is about */
    bool has_users_overflow;
    bool has_pods; /* the revisions are all there */
    struct pods_evidence found;
};

void pods_evidence_begin(struct pods_evidence_build *b, const struct workload_facts *w,
                         struct arena *a);
/* Each reads one object. What is odd in it is passed over or taken for the worse (a budget that
 * cannot be read has no room). ERR_NOMEM. */
MUST_CHECK int pods_evidence_revision(struct pods_evidence_build *b, const json_t *root,
                                      struct err *err);
MUST_CHECK int pods_evidence_pod(struct pods_evidence_build *b, const json_t *root,
                                 struct err *err);
MUST_CHECK int pods_evidence_budget(struct pods_evidence_build *b, const json_t *root,
                                    struct err *err);
MUST_CHECK int pods_evidence_end(struct pods_evidence_build *b, struct pods_evidence *ret_pods,
                                 struct err *err);

#endif

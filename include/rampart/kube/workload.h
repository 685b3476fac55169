/*
 * Deployment, StatefulSet, DaemonSet and CronJob as Rampart keeps them: the facts of their pod
 * template and of their rollout. One block each, of at most 600 bytes for a usual one.
 */
#ifndef RAMPART_KUBE_WORKLOAD_H
#define RAMPART_KUBE_WORKLOAD_H

#include "rampart/kube/claims.h"
#include "rampart/kube/object.h"
#include "rampart/kube/pod_template.h"

/* On the pod template: which fill of which template this is. Every revision that a fill has made
 * carries it, so that ReplicaSets and ControllerRevisions are the memory of what was tried. */
#define ANNOTATION_FILL "rampart.dev/fill"
#define FILL_KEY_LEN_MAX 128
#define ROLLOUT_MARK_LEN_MAX 1024 /* ANNOTATION_ROLLOUT of a workload */
#define TEMPLATE_DIGEST_LEN 16

/* The newest manager of the template but for us, as managedFields say. */
struct template_rival {
    const char *manager; /* NULL: nobody else */
    int64_t at_ms;       /* when it wrote, since 1970; INT64_MIN: not known */
};

struct workload_facts {
    struct object object; /* KIND_DEPLOYMENT .. KIND_CRON_JOB */
    struct pod_template pod;
    struct labels labels;        /* of the workload; exemptions select by them */
    const char *template_digest; /* 16 hex digits over the template's bytes as the server wrote
                                  * them, ANNOTATION_FILL left out: another one means that somebody
                                  * changed the template, and that includes what we filled in.
                                  * "" where it is not known: what was read went through no slice */
    const char *fill;            /* ANNOTATION_FILL of the template; NULL: none */
    const char *rollout;         /* ANNOTATION_ROLLOUT: the rollout that proves the fill, or why
                                  * Rampart stands down; NULL: none */
    const char *scrape_port;     /* of the template; see scrape_decode() */
    const char *owner_kind;      /* of the controller ownerReference, "" without one: whoever made
                                  * it would take back what is filled in */
    const char *owner_name;
    int64_t generation;
    int64_t observed_generation;
    int32_t replicas;         /* wanted; of a DaemonSet desiredNumberScheduled */
    int32_t replicas_updated; /* of the newest template */
    int32_t replicas_ready;
    int32_t replicas_available;
    uint32_t jobs_digest;        /* CronJob: of its status, which tells of its Jobs; 0: none */
    bool has_active_job;         /* CronJob: a Job of it runs */
    bool is_paused;              /* spec.paused, a CronJob's spec.suspend */
    bool is_on_delete;           /* updateStrategy OnDelete: nothing rolls out by itself */
    bool has_partition;          /* StatefulSet: rollingUpdate.partition over 0 */
    bool is_ordered;             /* StatefulSet: podManagementPolicy OrderedReady */
    bool is_stalled;             /* Deployment: condition Progressing is False */
    bool has_our_entry;          /* managedFields has an Update entry of manager "rampart" */
    const char *revision_update; /* StatefulSet: status.updateRevision; "" elsewhere */
    struct template_rival template_rival;
    const struct claims *claims; /* fields of the template that others state as null; NULL: none */
};

/* One projected object of these kinds. Numbers and texts of wrong types count as not stated, and a
 * template that is too large (OBJECT_CUT) or cannot be read makes the pod unreadable: ERR_INVALID
 * is for wrong metadata alone. ERR_NOMEM. */
MUST_CHECK int workload_decode(enum kind kind, const json_t *root, struct arena *a,
                               struct object **ret_object, struct err *err);
bool kind_is_workload(enum kind kind);

#endif

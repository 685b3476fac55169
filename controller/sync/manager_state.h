/*
 * The manager's insides, for the files that make it up and for nobody else:
 *
 *   manager.c         life, the step, readiness
 *   manager_keys.c    from changes of the caches to keys in the queue
 *   manager_pass.c    from a key to a plan, and what becomes of the plan
 *   manager_report.c  from a plan to verdict, Events and log
 *   manager_posture.c objects by the rules: keys, records, Events, exceptions
 *   manager_ingress.c Ingresses, for profiles in Audit
 *   manager_scan.c    bare Pods and Jobs by the rules
 *   manager_harden.c  hardening: keys, rounds over all workloads, what is told of them
 *   manager_look.c    hardening: a step of one workload, and what becomes of it
 *   manager_read.c    hardening: what is read for a step
 *   manager_turns.c   hardening: who may begin
 *   manager_labels.c  Pod Security Admission labels of namespaces
 */
#ifndef RAMPART_SYNC_MANAGER_STATE_H
#define RAMPART_SYNC_MANAGER_STATE_H

#include <sys/queue.h>

#include "rampart/sync/cluster.h"
#include "rampart/sync/delete_budget.h"
#include "rampart/sync/evidence.h"
#include "rampart/sync/hardenings.h"
#include "rampart/sync/ingresses.h"
#include "rampart/sync/label_reads.h"
#include "rampart/sync/manager.h"
#include "rampart/sync/postures.h"
#include "rampart/sync/profile_tracks.h"
#include "rampart/sync/scan.h"
#include "rampart/sync/scan_findings.h"
#include "rampart/sync/verdicts.h"
#include "rampart/sync/workqueue.h"

#define PASS_BYTES_MAX (64u * 1024 * 1024) /* of one pass: lists of the caches, and the plan */
#define MANAGER_STALE_MAX 10  /* tries in a row without success, until being behind is a failure */
#define MANAGER_RETRY_MS 1000 /* until what memory did not suffice for is tried again */

#define MANAGER_BATCH_OBJECTS 64      /* evaluated in one pass; the rest of a namespace follows */
#define MANAGER_EXCEPTIONS_MAX 100000 /* about which something was said */
/* Until something is looked at again at the latest that has a time of its own: a clock may have
 * been put right meanwhile. */
#define MANAGER_LOOK_MAX_S (24 * 3600)

#define MANAGER_TURNS_EVERY_MS 100 /* turns of a profile are given no more often */
/* Until a deletion is tried again that was forbidden: whoever grants a right tells nobody. */
#define MANAGER_NO_DELETIONS_MS (10u * 60 * 1000)

/* All objects of one namespace, of which the next pass does the next few. */
struct object_batch {
    const char *key;             /* in the queue's processing set; NULL: none */
    size_t kind;                 /* place in the list of kinds */
    char last[NAME_LEN_MAX + 1]; /* of that kind, looked at last; "": none yet */
};

/* What is read for one workload, from its first wish until its step has it. */
struct harden_read {
    TAILQ_ENTRY(harden_read) link;
    const char *key;       /* in the queue's processing set */
    enum harden_want want; /* of what it waits for, or what is read */
    const void *evidence;  /* in @arena; NULL: none so far */
    struct arena arena;    /* owned */
    json_t *live;          /* a reference; NULL: none so far */
    /* Which object both speak of (evidence_is_of()); owned; NULL: nothing was read so far. */
    char *uid, *template_digest, *revision_update;
};

TAILQ_HEAD(harden_reads, harden_read);

struct hardening_work {
    struct hardenings records;
    struct evidence *evidence;    /* owned; NULL: nothing is ever hardened */
    struct harden_reads waiting;  /* for room; owned, as the next ones */
    struct harden_reads running;  /* by @evidence */
    struct harden_reads complete; /* their steps come next */
    struct object_batch batch;
    struct map unseen;     /* names of namespaces that the round has not looked at yet */
    size_t fills_count;    /* profiles in the caches that fill in, or may have to take back */
    size_t marks_count;    /* workloads with a mark: what was begun comes to its end without any */
    uint64_t turns_due_ms; /* when turns may be given again */
    bool is_round_lost;    /* not every namespace of the round is known: nobody has a turn */
    bool is_full;          /* more workloads than records, and that was said */
};

struct manager {
    struct manager_options options; /* what they point at is borrowed */
    struct cluster *cluster;        /* owned, as the next four */
    struct applier *applier;
    struct recorder *recorder;
    struct workqueue *queue;
    struct scan *scan;
    struct view view;
    struct verdicts namespaces;      /* by name */
    struct verdicts profiles;        /* by name */
    struct verdicts exceptions;      /* by "<namespace>/<name>" */
    struct verdicts labels;          /* of passes over labels, by the namespace's name */
    struct label_reads *label_reads; /* owned; NULL: Namespaces are never labelled */
    size_t labels_count;             /* profiles in the caches that state the labels' section */
    struct postures postures;
    struct scan_results scanned;  /* by the last scan that came to its end */
    struct scan_results scanning; /* by the one under way */
    struct object_batch batch;
    struct hardening_work harden;
    struct profile_tracks tracks;
    struct delete_budget deletes;
    struct arena scratch;       /* of the pass that runs; the applier takes it over with its plan */
    size_t ours_count;          /* objects of ours in the caches */
    struct scan *ingress_scan;  /* owned */
    struct ingresses ingresses; /* by its last look */
    struct ingresses ingresses_next; /* by the one under way */
    size_t audits_count;             /* profiles in the caches whose network section is in Audit */
    size_t rules_count;              /* profiles in the caches that have the rules asked */
    uint64_t passes;
    uint64_t now_ms;           /* of the last step, monotonic */
    uint64_t resync_at_ms;     /* when everything is marked dirty; UINT64_MAX: not wanted */
    uint64_t recoveries;       /* of the cluster, as of the last wake */
    uint64_t trouble_since_ms; /* UINT64_MAX: every cache is well */
    uint64_t stop_by_ms;       /* of a drain */
    bool has_synced;           /* every cache was complete once, and was taken note of */
    bool is_stopping;
    bool has_drained; /* of @is_stopping: every plan has ended, the last Events are on their way */
};

/* What a key stands for. @key and @name are borrowed together. */
struct subject {
    const char *key;
    const char *name;
    bool is_profile;
    bool is_labels; /* those of the namespace @name */
};

static inline uint64_t sooner(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

/* ---- manager_keys.c ---- */
struct subject subject_of(const char *key);
void manager_on_change(void *ctx, const struct object *before, const struct object *after);
void manager_mark_namespace(struct manager *m, const char *ns);
/* Not before MANAGER_STATUS_EVERY_MS after its last pass. */
void manager_mark_profile(struct manager *m, const char *profile);
void manager_mark_all_profiles(struct manager *m);
/* Everything is marked with the next step: an addition to the queue was lost. */
void manager_want_resync(struct manager *m, uint64_t at_ms);
/* Marks every namespace and every profile, those included that only a verdict remembers. -1:
 * ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK int manager_resync(struct manager *m, struct err *err);

/* Ready at once; nothing is lost when there is no room for it. */
void manager_add_key(struct manager *m, const char *key);

/* ---- manager_pass.c ---- */
/* Empty, for one pass. */
struct arena *manager_arena(struct manager *m);
void manager_retry(struct manager *m, const char *key, uint64_t now_ms, uint32_t at_least_ms);
void manager_come_back(struct manager *m, const char *key, uint64_t at_ms);
/* One key from the queue, to its end or into the applier's hands. False: none is ready. */
bool manager_pass(struct manager *m);
bool manager_may_delete(void *ctx, const struct plan *plan, const struct write *write,
                        uint64_t now_ms);
void manager_on_applied(void *ctx, const char *key, const struct plan *plan,
                        const struct apply_result *result, uint64_t now_ms);

/* It could not even be planned: said, and tried again. */
void manager_planning_failed(struct manager *m, const struct subject *s, const struct err *err);
/* Says what the pass found, and carries the plan out. */
void manager_conclude(struct manager *m, const struct subject *s, const struct plan *plan);

/* ---- manager_labels.c ---- */
#define LABELS_PREFIX "labels/"      /* of its keys; the rest is the namespace's name */
#define MANAGER_LABELS_AGAIN_MS 5000 /* until the API server is asked again what it warns of */

MUST_CHECK int labels_init(struct manager *m, struct err *err);
bool labels_has_key(const char *key);
bool labels_states_it(const struct object *profile);
/* Without a profile that states the section, and with nothing said of one that did, nothing is
 * queued. */
void labels_mark(struct manager *m, const char *ns);
void labels_pass(struct manager *m, const char *key);
/* What was read goes on, and what waits to be. False: there is none. */
bool labels_go_on(struct manager *m);
bool labels_can_go_on(const struct manager *m);

/* ---- manager_report.c ---- */
/*
 * Keeps what the pass said and tells whom it concerns: Events for findings that are new, the
 * profiles whose status depends on it. @failure: what keeps its writes from being done, NULL for
 * nothing. -1: ERR_NOMEM, and nothing is kept.
 */
MUST_CHECK int report_pass(struct manager *m, const struct subject *s, const struct plan *plan,
                           const struct finding *failure, uint64_t now_ms, struct err *err);
/* Its writes failed, or it could not even be planned (@plan NULL). Retries that fail alike say
 * nothing new. */
void report_failure(struct manager *m, const struct subject *s, const struct plan *plan,
                    const struct finding *failure, const struct err *why, uint64_t now_ms);
/*
 * Others undo what is written here (the rounds of its pace say so), or write it at the same moment
 * (@write met conflicts); @write NULL: whichever of the plan tells most. Said once; it lasts until
 * a pass finds nothing to write and it has been quiet for PACE_QUIET_MS.
 */
void report_contest(struct manager *m, const struct subject *s, const struct plan *plan,
                    const struct write *write, uint64_t now_ms);
/* When the contest may be over; UINT64_MAX without one. */
uint64_t report_contest_until(struct manager *m, const struct subject *s);
/* Events of the first @count writes of the plan, which succeeded. */
void report_written(struct manager *m, const struct plan *plan, size_t count, uint64_t now_ms);
/* Why a write failed, and what to do about it. */
void report_why(const struct write *write, const struct err *err, char *ret_message,
                size_t len_max);
/* The namespace is another one of the same name: what was said and stood was the old one's. */
void report_forget_namespace(struct manager *m, const char *ns);
struct verdicts *report_verdicts(struct manager *m, const struct subject *s);
void report_event(struct manager *m, const struct finding *finding, enum mode mode,
                  uint64_t now_ms);

/* ---- manager_posture.c ---- */
void posture_mark_object(struct manager *m, enum kind kind, const char *ns, const char *name);
void posture_mark_objects(struct manager *m, const char *ns); /* of one namespace */
void posture_mark_exception(struct manager *m, const char *ns, const char *name);
/* Whether the key is one of those. */
bool posture_has_key(const char *key);
/* One of those keys, or the next part of a batch. */
void posture_pass(struct manager *m, const char *key);
/*
 * Without a profile that has its workloads evaluated, and with nothing kept of one that had, no
 * object is anybody's business: 10,000 keys would cost 2 MB for nothing.
 */
bool posture_is_wanted(const struct manager *m);
/* Objects that a change was lost of: what is kept of those that are gone is forgotten. */
void posture_sweep(struct manager *m);
int posture_view_drifted(const void *ctx, const char *profile, size_t count_max, struct arena *a,
                         const struct object *const **ret_objects, size_t *ret_count,
                         bool *ret_more, struct err *err);

/* The parts of "<namespace>/<name>/<rest>"; @rest is NULL where there is none. */
struct key_parts {
    char ns[NAME_LEN_MAX + 1];
    char name[NAME_LEN_MAX + 1];
    const char *rest; /* in the key */
};
void key_split(const char *text, struct key_parts *ret_parts);
/* Wall clock to monotonic: not in the past, and at most MANAGER_LOOK_MAX_S ahead. */
uint64_t manager_due_of(const struct manager *m, int64_t at_s);

/* ---- manager_ingress.c ---- */
MUST_CHECK int manager_ingress_new(struct manager *m, struct err *err);

/* ---- manager_scan.c ---- */
MUST_CHECK int manager_scan_new(struct manager *m, struct err *err);

/* ---- manager_harden.c ---- */
MUST_CHECK int harden_init(struct manager *m, struct err *err);
void harden_done(struct manager *m);
bool harden_has_key(const char *key);
/* Without a profile that fills in, and with nothing kept of one that did, nothing is queued. */
bool harden_is_wanted(const struct manager *m);
bool harden_fills_in(const struct object *profile);
void harden_mark_workload(struct manager *m, enum kind kind, const char *ns, const char *name);
/* The same for the key of a record. */
void harden_mark_record(struct manager *m, const char *record_key);
void harden_mark_workloads(struct manager *m, const char *ns); /* of one namespace */
/* Of all namespaces. Until each of them was looked at nobody has a turn that has not begun: a mark
 * in the cluster may say that something runs. ERR_NOMEM, ERR_LIMIT: then nobody has one until
 * the next round. */
MUST_CHECK int harden_begin_round(struct manager *m, struct err *err);
void harden_sweep(struct manager *m);
/* The workload of a record's key; NULL: it is gone. */
const struct object *harden_object_of(const struct manager *m, const char *record_key);
/* With the profile's status. */
void harden_forget(struct manager *m, const char *record_key);
void harden_mark_profile(struct manager *m, const struct hardening *r); /* @r may be NULL */
void harden_pass(struct manager *m, const char *key);
/* What goes on by itself: a batch, what was read, what has room now. False: there is none. */
bool harden_go_on(struct manager *m);
bool harden_can_go_on(const struct manager *m);
int harden_view_findings(const void *ctx, const char *profile, size_t count_max, struct arena *a,
                         const struct finding *const **ret_findings, size_t *ret_count,
                         bool *ret_more, struct err *err);

/* ---- manager_look.c ---- */
#define HARDEN_PREFIX "harden/" /* of the key of one workload; the record's is the rest */

struct harden_look {
    const char *record_key;
    const struct object *workload;  /* of the caches */
    const struct harden_read *read; /* NULL: nothing was read */
    struct plan plan;
    struct harden_step step;
    bool is_in_vain; /* it had its turn, does nothing with it and waits for the next one */
};

/* One step, and its record. ERR_NOMEM. */
MUST_CHECK int harden_look(struct manager *m, struct harden_look *l, struct err *err);
/* One workload, with what was read for it (NULL: nothing so far), which it takes over. */
void harden_pass_workload(struct manager *m, const char *key, struct harden_read *read_take);
/* When the step says so. */
void harden_look_again(struct manager *m, const char *key, const struct harden_step *step);
void harden_fail_pass(struct manager *m, const char *key, const struct err *err);
void harden_on_applied(struct manager *m, const char *key, const struct plan *plan,
                       const struct apply_result *result, uint64_t now_ms);
/* What was wanted for @key could not be read. */
void harden_unread(struct manager *m, const char *key, const struct err *why, uint64_t now_ms);

/* ---- manager_read.c ---- */
/*
 * Reads @want for the workload of @key, which is being processed, at once or when there is room.
 * Its step comes with the next harden_go_on(), or harden_unread(). Takes over @read, what was read
 * for it before (NULL: nothing); also on -1. ERR_NOMEM, ERR_LIMIT (the transport's).
 */
MUST_CHECK int read_begin(struct manager *m, const char *key, struct harden_read *read_take,
                          enum harden_want want, const struct object *workload, struct err *err);
/* The next that has all it waited for, or has room now. NULL: none. */
struct harden_read *read_next(struct manager *m);
bool read_has_next(const struct manager *m);
/* Forgets what speaks of another object than @workload. */
void read_check(struct harden_read *read, const struct object *workload);
void read_free(struct harden_read *read); /* in none of the lists; NULL is fine */
void read_on_done(void *ctx, struct evidence_result *result, uint64_t now_ms);
void read_clear(struct harden_reads *reads);

/* ---- manager_turns.c ---- */
void turns_give(struct manager *m);
uint64_t turns_deadline(const struct manager *m); /* UINT64_MAX: only on news */

#endif

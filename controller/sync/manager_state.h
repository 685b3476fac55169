/*
 * The manager's insides, for the files that make it up and for nobody else:
 *
 *   manager.c         life, the step, readiness
 *   manager_keys.c    from changes of the caches to keys in the queue
 *   manager_pass.c    from a key to a plan, and what becomes of the plan
 *   manager_report.c  from a plan to verdict, Events and log
 */
#ifndef RAMPART_SYNC_MANAGER_STATE_H
#define RAMPART_SYNC_MANAGER_STATE_H

#include "rampart/sync/cluster.h"
#include "rampart/sync/delete_budget.h"
#include "rampart/sync/manager.h"
#include "rampart/sync/profile_tracks.h"
#include "rampart/sync/verdicts.h"
#include "rampart/sync/workqueue.h"

#define PASS_BYTES_MAX (64u * 1024 * 1024) /* of one pass: lists of the caches, and the plan */
#define MANAGER_STALE_MAX 10  /* tries in a row without success, until being behind is a failure */
#define MANAGER_RETRY_MS 1000 /* until what memory did not suffice for is tried again */

struct manager {
    struct manager_options options; /* what they point at is borrowed */
    struct cluster *cluster;        /* owned, as the next three */
    struct applier *applier;
    struct recorder *recorder;
    struct workqueue *queue;
    struct view view;
    struct verdicts namespaces; /* by name */
    struct verdicts profiles;   /* by name */
    struct profile_tracks tracks;
    struct delete_budget deletes;
    struct arena scratch; /* of the pass that runs; the applier takes it over with its plan */
    size_t ours_count;    /* objects of ours in the caches */
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
};

/* ---- manager_keys.c ---- */
struct subject subject_of(const char *key);
void manager_on_change(void *ctx, const struct object *before, const struct object *after);
void manager_mark_namespace(struct manager *m, const char *ns);
/* Not before MANAGER_STATUS_EVERY_MS after its last pass. */
void manager_mark_profile(struct manager *m, const char *profile);
/* Everything is marked with the next step: an addition to the queue was lost. */
void manager_want_resync(struct manager *m, uint64_t at_ms);
/* Marks every namespace and every profile, those included that only a verdict remembers. -1:
 * ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK int manager_resync(struct manager *m, struct err *err);

/* ---- manager_pass.c ---- */
/* One key from the queue, to its end or into the applier's hands. False: none is ready. */
bool manager_pass(struct manager *m);
bool manager_may_delete(void *ctx, const struct plan *plan, const struct write *write,
                        uint64_t now_ms);
void manager_on_applied(void *ctx, const char *key, const struct plan *plan,
                        const struct apply_result *result, uint64_t now_ms);

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
/* The namespace is another one of the same name: what was said and stood was the old one's. */
void report_forget_namespace(struct manager *m, const char *ns);
struct verdicts *report_verdicts(struct manager *m, const struct subject *s);

#endif

/*
 * The operator without its IO: caches feed a queue of keys, a key is planned, the plan is applied,
 * the verdict is kept, findings become Events, verdicts become status. Stepped with time; see
 * transport.h for the world below it.
 *
 * Keys: "ns/<name>" (one pass over a namespace), "profile/<name>" (finalizer, conditions, status;
 * at most once a second each), "object/<namespace>/<name>/<plural>" (a workload, say, by the
 * rules), "objects/<namespace>" (all of them there), "exception/<namespace>/<name>",
 * "harden/<namespace>/<name>/<plural>" (the hardening of a workload) and "hardens/<namespace>" (of
 * all workloads there). Nothing is planned before every cache was complete once.
 *
 * Bare Pods and Jobs are not watched but scanned (sync/scan.h), from the first sync on.
 *
 * What an object's own change makes worse is told by an Event about it; what a profile's edit or a
 * start finds is told by the profile's status alone.
 */
#ifndef RAMPART_SYNC_MANAGER_H
#define RAMPART_SYNC_MANAGER_H

#include "rampart/base/log.h"
#include "rampart/kube/reconciler.h"
#include "rampart/sync/applier.h"
#include "rampart/sync/recorder.h"

/*
 * A profile's status is written at once where that was quiet before; then when what it counts has
 * been quiet for MANAGER_STATUS_EVERY_MS, and at the latest MANAGER_STATUS_LATEST_MS after the
 * status before it. What a change of the profile itself leads to waits for the former alone.
 */
#define MANAGER_STATUS_EVERY_MS 1000
#define MANAGER_STATUS_LATEST_MS 4000
#define MANAGER_PASSES_PER_STEP 64 /* then the loop gets its turn */
#define MANAGER_VERDICTS_MAX 100000
#define MANAGER_DELETES_FREE 10    /* unexplained deletions a minute ... */
#define MANAGER_DELETES_PERCENT 10 /* ... or this part of what is ours, whichever is more */
#define MANAGER_EXPLAINED_MS \
    (10u * 60 * 1000) /* a changed profile explains deletions for so long */
#define MANAGER_DRAIN_MS 8000

struct manager;

struct manager_options {
    struct transport *transport; /* borrowed, as everything here */
    const struct reconciler_ops *ops;
    struct log *log; /* may be NULL */
    const char *own_namespace;
    const char *instance; /* pod name, for Events */
    uint64_t seed;
    unsigned in_flight_max; /* 0: APPLIER_IN_FLIGHT_DEFAULT */
    size_t hardenings_max;  /* workloads that are kept for hardening; 0: HARDENINGS_MAX */
};

struct manager_stats {
    uint64_t passes; /* plans computed */
    size_t queue_ready;
    size_t verdicts; /* namespaces that a profile decides, or about which something is to be said */
    size_t postures; /* objects that a profile decides about */
    size_t hardenings; /* workloads that are kept for hardening */
    struct applier_stats applier;
    struct recorder_stats recorder;
};

/* ERR_NOMEM. Nothing is requested before manager_step(). */
MUST_CHECK struct manager *manager_new(const struct manager_options *options, struct err *err);
/* Never stepped, or stopped and every exchange has ended: stop the transport before. NULL is fine.
 */
void manager_free(struct manager *m);

/* Does everything that is due; returns when it wants to run again at the latest (monotonic ms,
 * UINT64_MAX: only on news). */
uint64_t manager_step(struct manager *m, uint64_t now_ms, int64_t wall_ms);

/* Takes up no new work; what was sent gets its answer, Events that wait are sent, for at most
 * MANAGER_DRAIN_MS. */
void manager_stop(struct manager *m, uint64_t now_ms);
/* All has ended, or the time for it is over: then exchanges may still be in flight. Needs
 * manager_step() to come true. */
bool manager_is_stopped(const struct manager *m);

/* As of the last step: every cache was complete, and none has been in trouble for more than a
 * minute. @ret_reason says why not, "" when it is. */
bool manager_is_ready(const struct manager *m, char *ret_reason, size_t len_max);
struct cluster *manager_cluster(struct manager *m);
void manager_get_stats(const struct manager *m, struct manager_stats *ret_stats);

#endif

/*
 * Carries plans out: the writes of one plan one after the other, in the plan's order; many plans at
 * once, up to a bound on requests in flight. A write that fails ends its plan: what comes later
 * would stand on what did not happen.
 *
 * The answer to a write goes into the store at once (read your writes). Where the server knows
 * better than our cache (409 AlreadyExists or Conflict, 404, 422 for the uid) the object is read
 * again, the store corrected, and the plan ends as APPLY_STALE: the next pass sees the truth. What
 * is not kept (a Pod) or may not be read by name (a profile) is not read again. A creation in a
 * terminating namespace ends the plan with ERR_TERMINATING: whoever gets the result drops it, there
 * is nothing to say and nothing to try again. Nothing is tried twice here: that is the work
 * queue's. Successful writes are logged here, failures by whoever gets the result.
 */
#ifndef RAMPART_SYNC_APPLIER_H
#define RAMPART_SYNC_APPLIER_H

#include "rampart/base/log.h"
#include "rampart/kube/plan.h"
#include "rampart/sync/cluster.h"
#include "rampart/sync/transport.h"

#define APPLIER_IN_FLIGHT_DEFAULT 16
#define APPLIER_IN_FLIGHT_MAX 64
#define APPLIER_WRITE_TIMEOUT_MS 40000 /* the API server itself ends a write after 34 s */

struct applier;

enum apply_outcome {
    APPLY_DONE = 0, /* every write succeeded (or there was none) */
    APPLY_STALE,    /* the cache was behind and is corrected: plan again soon */
    APPLY_FAILED,   /* err says why */
    APPLY_CANCELED, /* stopping */
};

struct apply_result {
    enum apply_outcome outcome;
    size_t writes_done; /* writes that succeeded: the first ones of the plan */
    const struct write
        *failed;    /* the write that failed; NULL for none (APPLY_DONE, APPLY_CANCELED) */
    struct err err; /* of APPLY_FAILED and APPLY_STALE */
};

/* Once a started plan, never from inside applier_start(), which it may call. @plan (and the arena
 * it lies in) is valid for the call and freed after it; so are @key and @result. */
typedef void (*applier_done_fn)(void *ctx, const char *key, const struct plan *plan,
                                const struct apply_result *result, uint64_t now_ms);
/* Whether a deletion may be sent now (delete budget); false ends the plan as APPLY_FAILED with
 * ERR_LIMIT. */
typedef bool (*applier_may_delete_fn)(void *ctx, const struct plan *plan, const struct write *write,
                                      uint64_t now_ms);

struct applier_options {
    struct transport *transport;
    struct cluster *cluster;
    struct log *log;
    unsigned in_flight_max; /* plans at once, 1..APPLIER_IN_FLIGHT_MAX */
    applier_done_fn on_done;
    applier_may_delete_fn may_delete; /* NULL: always */
    void *ctx;
};

/* ERR_NOMEM. */
MUST_CHECK struct applier *applier_new(const struct applier_options *options, struct err *err);
void applier_free(struct applier *a); /* no plan in flight; NULL is fine */
bool applier_has_room(const struct applier *a);
size_t applier_in_flight(const struct applier *a); /* plans without on_done so far */

/*
 * Starts @plan for @key (copied). On 0 the applier owns @arena (moved: the caller's is zeroed) in
 * which the plan lies, and @on_done comes once; struct plan itself is copied. On -1 both still
 * belong to the caller: ERR_LIMIT (no room), ERR_NOMEM, ERR_CANCELED (draining).
 */
MUST_CHECK int applier_start(struct applier *a, const char *key, struct arena *arena,
                             const struct plan *plan, uint64_t now_ms, struct err *err);
/* No further request is started; those in flight end by themselves, their plans as APPLY_CANCELED
 * unless nothing was left to do. */
void applier_drain(struct applier *a);
/* Delivers results that could not be delivered from inside applier_start(); call on each turn. */
void applier_step(struct applier *a, uint64_t now_ms);

/* Requests by verb and outcome, for the log and the demo. */
struct applier_stats {
    uint64_t creates, patches, status_patches, deletes, reads;
    uint64_t failures, stale; /* a terminating namespace is neither */
};
void applier_get_stats(const struct applier *a, struct applier_stats *ret_stats);

#endif

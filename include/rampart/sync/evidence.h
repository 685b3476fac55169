/*
 * What hardening has to know of one workload beside the caches: its revisions, its pods and the
 * disruption budgets of its namespace (HARDEN_EVIDENCE), also its limit ranges, quotas and vertical
 * autoscalers (HARDEN_ROOM), or the whole live object (HARDEN_LIVE).
 * Read when it is asked for and forgotten afterwards. Lists come page by page and are handed to
 * harden_ops.evidence_take() one projected object at a time: constant memory, however many pods
 * there are.
 *
 * A read that fails says so and is not tried again here: that is the work queue's. But for one
 * case: a list whose continue token has expired (410) is begun anew with everything before it,
 * EVIDENCE_RESTARTS_MAX times.
 *
 * The workload may change or go while it is read: no object of the caches is held. Only its names,
 * its uid and what its template was are kept; see evidence_is_of().
 */
#ifndef RAMPART_SYNC_EVIDENCE_H
#define RAMPART_SYNC_EVIDENCE_H

#include "rampart/kube/harden.h"
#include "rampart/sync/cluster.h"
#include "rampart/sync/transport.h"

#define EVIDENCE_IN_FLIGHT_MAX 8 /* reads at once; each has one exchange */
#define EVIDENCE_PAGE_OBJECTS 250
#define EVIDENCE_RESTARTS_MAX 2
#define EVIDENCE_REQUEST_MAX_MS 60000      /* one page; the API server's own limit of a request */
#define EVIDENCE_REQUEST_IDLE_MAX_MS 30000 /* without a byte of it */
/* Of a live object as JSON. etcd takes 1.5 MiB of one; its tree takes up to eighty times as many
 * bytes (an array of {}), and tenants write workloads. */
#define EVIDENCE_LIVE_LEN_MAX (1024u * 1024)

struct evidence;

struct evidence_result {
    const char *key;
    enum harden_want want;       /* as it was asked for */
    struct object_ref workload;  /* with the uid that it had when the read began */
    const char *template_digest; /* as it was when the read began ... */
    const char *revision_update; /* ... and so is this */
    const void
        *evidence;       /* of harden_ops.evidence_end(), in @arena; NULL: HARDEN_LIVE, or failed */
    struct arena *arena; /* the receiver may take it: copies the struct and zeroes this one; else
                            it is freed after the call. Empty where @evidence is NULL */
    json_t *live;        /* NULL: HARDEN_EVIDENCE, or failed. To be kept: json_incref() */
    struct err err; /* ERR_NONE: it was read. ERR_NOT_FOUND: the workload is gone, or another one of
                       its name is there. ERR_CANCELED: stopped. ERR_FORBIDDEN names the right that
                       is missing. ERR_LIMIT: more than the bounds above. ERR_NOMEM: also more than
                       HARDEN_EVIDENCE_BYTES_MAX. Else what the server or the transport said */
};

/* Once a started read, never from inside evidence_start() or evidence_stop(); it may start the next
 * one. All of @result is valid for the call. */
typedef void (*evidence_done_fn)(void *ctx, struct evidence_result *result, uint64_t now_ms);

struct evidence_options {
    struct transport *transport;   /* borrowed, and so are the next ones */
    const struct harden_ops *ops;  /* of the evidence_* functions */
    const struct cluster *cluster; /* a read that begins anew looks the workload up */
    evidence_done_fn on_done;
    void *ctx;
};

/* ERR_NOMEM. */
MUST_CHECK struct evidence *evidence_new(const struct evidence_options *options, struct err *err);
void evidence_free(struct evidence *e); /* no read in flight; NULL is fine */

bool evidence_has_room(const struct evidence *e); /* false also when stopped */
size_t evidence_in_flight(const struct evidence *e);

/*
 * @want: HARDEN_EVIDENCE, HARDEN_ROOM or HARDEN_LIVE of @workload, which is borrowed for the call,
 * and so is
 * @key. On 0 on_done comes once. On -1 nothing was started: ERR_LIMIT (no room, here or with the
 * transport), ERR_NOMEM, ERR_CANCELED (stopped).
 */
MUST_CHECK int evidence_start(struct evidence *e, enum harden_want want, const char *key,
                              const struct object *workload, struct err *err);

/* Cancels what runs: on_done follows with ERR_CANCELED. Nothing is started any more. */
void evidence_stop(struct evidence *e);
bool evidence_is_stopped(const struct evidence *e); /* and no read is in flight */

/*
 * Whether what was read still speaks of @workload, as the caches show it now (NULL: gone): the same
 * uid, and for evidence also the template and the revision that the pods were told apart by. Counts
 * of replicas and other news of a rollout do not matter. False: drop it and read again.
 */
bool evidence_is_of(const struct evidence_result *result, const struct object *workload);

#endif

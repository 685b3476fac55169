/*
 * Kubernetes Events (events.k8s.io/v1): best effort, bounded, never in the way of a reconcile.
 *
 * Equal findings (type, reason, action, regarding, related, note's first line) within
 * RECORDER_SERIES_IDLE_MS become one Event with a series: the second one sends series.count 2,
 * later ones update the count at most every RECORDER_SERIES_EVERY_MS, the last one too, as
 * client-go's events broadcaster does (tools/events/event_broadcaster.go; it refreshes every 30
 * min). Per regarding object a token bucket of RECORDER_BURST with one more every
 * RECORDER_REFILL_MS for new Events; updates of a series take none.
 *
 * A finding that is told once (finding.once) makes an Event of that name: where there is one, a
 * process before this one has told it, and that is a success.
 *
 * What the server refuses is not repeated, nor what a namespace that terminates does not take; what
 * fails for a time is tried RECORDER_TRIES_MAX times over some two minutes, and while the server
 * does not answer at all everything waits. Over any bound, and refused, an Event is dropped and
 * counted; one line a minute says so in the log.
 */
#ifndef RAMPART_SYNC_RECORDER_H
#define RAMPART_SYNC_RECORDER_H

#include "rampart/base/log.h"
#include "rampart/base/rng.h"
#include "rampart/kube/event.h"
#include "rampart/sync/transport.h"

#define RECORDER_QUEUE_MAX 1000  /* series with something to send now */
#define RECORDER_SERIES_MAX 4096 /* the one idle longest makes room for a new one */
#define RECORDER_IN_FLIGHT_MAX 4
#define RECORDER_TRIES_MAX 5
#define RECORDER_SERIES_IDLE_MS (6u * 60 * 1000)
#define RECORDER_SERIES_EVERY_MS (60u * 1000)
#define RECORDER_BURST 25
#define RECORDER_REFILL_MS (300u * 1000)

struct recorder;

struct recorder_stats {
    uint64_t sent;    /* created or updated */
    uint64_t dropped; /* over a bound, or refused by the server */
};

/* @transport and @log (may be NULL) are borrowed, @instance (pod name, not empty) is copied.
 * ERR_NOMEM. */
MUST_CHECK struct recorder *recorder_new(struct transport *transport, struct log *log,
                                         const char *instance, uint64_t seed, struct err *err);
/* Nothing is in flight; what was not sent is lost; NULL is fine. */
void recorder_free(struct recorder *r);

/* Everything is copied; @action is not empty; @related NULL or its name NULL: none. Sends nothing
 * itself. Never fails: it is best effort. */
void recorder_add(struct recorder *r, const struct finding *finding, const char *action,
                  const struct object_ref *regarding, const struct object_ref *related,
                  uint64_t now_ms, int64_t wall_ms);
/*
 * The namespace is gone, and with it the uids of all that was in it: what the server knows all of
 * can never go on and ends now, instead of after RECORDER_SERIES_IDLE_MS.
 */
void recorder_forget_namespace(struct recorder *r, const char *ns);
void recorder_step(struct recorder *r, uint64_t now_ms, int64_t wall_ms); /* sends what is due */
/* When recorder_step() has to run again; UINT64_MAX: only on news. */
uint64_t recorder_deadline(const struct recorder *r);
/* The next steps send what waits, once and without waiting for series; nothing is taken any more.
 */
void recorder_drain(struct recorder *r);
size_t recorder_pending(const struct recorder *r); /* queued and in flight */
void recorder_get_stats(const struct recorder *r, struct recorder_stats *ret_stats);

#endif

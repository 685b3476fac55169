/*
 * Keeps one store equal to the server: joins the watch machine (sync/watch.h), the frames, the
 * store and a transport. Objects that do not decode are counted and reported, and never empty the
 * cache.
 *
 * Requests are started and canceled by informer_step() alone, never from inside an answer: run it
 * when its deadline has come, and after the transport has handed out bytes or an end. A failure is
 * logged once, not at each retry, and once more when it is over.
 */
#ifndef RAMPART_SYNC_INFORMER_H
#define RAMPART_SYNC_INFORMER_H

#include "rampart/base/log.h"
#include "rampart/sync/store.h"
#include "rampart/sync/transport.h"
#include "rampart/sync/watch.h"

#define INFORMER_LIST_MAX_MS 60000      /* one page; the API server's own limit of a request */
#define INFORMER_LIST_IDLE_MAX_MS 30000 /* without a byte of a page */

struct informer;

struct informer_options {
    enum kind kind;
    struct store *store;                          /* borrowed */
    struct transport *transport;                  /* borrowed */
    struct watch_server *server;                  /* borrowed */
    struct rng *rng;                              /* borrowed */
    struct log *log;                              /* borrowed; NULL: silent */
    void (*on_synced)(void *ctx, enum kind kind); /* each time a full sync ends; may be NULL */
    void *ctx;
};

struct informer_stats {
    uint64_t requests_list;
    uint64_t requests_watch;
    uint64_t events;          /* of watches, bookmarks included */
    uint64_t objects_invalid; /* were skipped: did not decode, of another kind, no object at all */
    uint64_t failures;        /* requests that failed */
    uint64_t syncs;           /* complete ones */
};

/* ERR_NOMEM. Nothing is requested before informer_step(). */
MUST_CHECK struct informer *informer_new(const struct informer_options *options, struct err *err);
/* Cancels what runs; informer_is_stopped() once that has ended. */
void informer_stop(struct informer *i);
bool informer_is_stopped(const struct informer *i);
void informer_free(struct informer *i); /* stopped or never stepped; NULL is fine */

/* Another informer gets through to the same server again: what waits only because the server was
 * not there, or had just started, tries now and not at the end of its own back-off. */
void informer_wake(struct informer *i, uint64_t now_ms);

void informer_step(struct informer *i,
                   uint64_t now_ms); /* starts and cancels requests as the machine wants */
uint64_t informer_deadline(const struct informer *i); /* when informer_step() has to run again */
bool informer_has_synced(const struct informer *i);
/*
 * What list or watch suffers from now, until bytes of the server show that it is over; code
 * ERR_NONE: nothing. The message is complete and says what to do: the missing right, the missing
 * CRD.
 */
const struct err *informer_error(const struct informer *i);
void informer_get_stats(const struct informer *i, struct informer_stats *ret_stats);

#endif

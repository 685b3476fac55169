/*
 * Keeps one store equal to the server: joins the watch machine, the slice, the store and a transport.
 * Objects that do not decode are counted and reported, and never empty the cache.
 */
#ifndef RAMPART_SYNC_INFORMER_H
#define RAMPART_SYNC_INFORMER_H

#include "rampart/base/log.h"
#include "rampart/sync/store.h"
#include "rampart/sync/transport.h"
#include "rampart/sync/watch.h"

struct informer;

struct informer_options {
    enum kind kind;
    struct store *store;         /* borrowed */
    struct transport *transport; /* borrowed */
    struct watch_server *server; /* borrowed */
    struct rng *rng;             /* borrowed */
    struct log *log;             /* borrowed; NULL: silent */
    void (*on_synced)(void *ctx, enum kind kind); /* each time a full sync ends; may be NULL */
    void *ctx;
};

struct informer_stats {
    uint64_t requests_list;
    uint64_t requests_watch;
    uint64_t events;
    uint64_t objects_invalid;   /* did not decode */
    uint64_t syncs;
};

MUST_CHECK struct informer *informer_new(const struct informer_options *options, struct err *err);
/* Cancels what runs; informer_is_stopped() once that has ended. */
void informer_stop(struct informer *i);
bool informer_is_stopped(const struct informer *i);
void informer_free(struct informer *i); /* stopped or never stepped; NULL is fine */

void informer_step(struct informer *i, uint64_t now_ms); /* starts and cancels requests as the machine wants */
uint64_t informer_deadline(const struct informer *i);    /* when informer_step() has to run again */
bool informer_has_synced(const struct informer *i);
const struct err *informer_error(const struct informer *i); /* last failure while not synced; code ERR_NONE: none */
void informer_get_stats(const struct informer *i, struct informer_stats *ret_stats);

#endif

/*
 * The caches: one store and one informer for every watched kind, and the view over them that
 * reconcilers read.
 */
#ifndef RAMPART_SYNC_CLUSTER_H
#define RAMPART_SYNC_CLUSTER_H

#include "rampart/base/log.h"
#include "rampart/kube/view.h"
#include "rampart/sync/informer.h"
#include "rampart/sync/store.h"
#include "rampart/sync/transport.h"

/* A watch that works again ends the back-offs of the others, at most once in that time. */
#define CLUSTER_WAKE_EVERY_MS 30000

struct cluster;

struct cluster_options {
    struct transport *transport; /* borrowed */
    struct log *log;             /* borrowed; may be NULL */
    uint64_t seed;               /* for jitter */
    store_change_fn on_change;   /* every change of every store; may be NULL */
    void *ctx;
};

/* ERR_NOMEM. Nothing is requested before cluster_step(). */
MUST_CHECK struct cluster *cluster_new(const struct cluster_options *options, struct err *err);
/* Cancels every request; their ends come through the transport. */
void cluster_stop(struct cluster *c);
bool cluster_is_stopped(const struct cluster *c);
void cluster_free(struct cluster *c); /* stopped or never stepped; NULL is fine */

void cluster_step(struct cluster *c, uint64_t now_ms);
/* How often the server was there again, or well again, after a failure: what makes the watches try
 * again, and so no more often than CLUSTER_WAKE_EVERY_MS. */
uint64_t cluster_recoveries(const struct cluster *c);
uint64_t cluster_deadline(const struct cluster *c);
bool cluster_has_synced(const struct cluster *c); /* every kind was complete at least once */
/* Why not yet, or what a watch suffers from now, for people; "" when all is well. The first kind
 * with an error, else the first that is still waited for. */
void cluster_trouble(const struct cluster *c, char *ret_text, size_t len_max);

struct store *cluster_store(struct cluster *c, enum kind kind); /* borrowed */
/* For struct view_ops: @ns NULL lists all namespaces; of a cluster-scoped kind @ns is "" or NULL.
 */
int cluster_list(const struct cluster *c, enum kind kind, const char *ns, struct arena *a,
                 struct object_list *ret_list, struct err *err);
const struct object *cluster_get(const struct cluster *c, enum kind kind, const char *ns,
                                 const char *name);
void cluster_get_stats(const struct cluster *c, enum kind kind, struct informer_stats *ret_stats);

#endif

/*
 * Health for exec probes: the controller answers on an abstract unix socket (no file, so a read-only root will do; it is seen in its
 * network namespace only). Whoever connects gets one JSON line {"live":true,"ready":false,"reason":"..."} and the end of the
 * stream. That the loop answers is the sign of life.
 */
#ifndef RAMPART_EDGE_HEALTH_H
#define RAMPART_EDGE_HEALTH_H

#include <stdbool.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"
#include "rampart/edge/loop.h"

#define HEALTH_SOCKET_DEFAULT "rampart-health" /* name in the abstract name space */
#define HEALTH_CLIENTS_MAX 16                   /* at once; more are closed at once */
#define HEALTH_LINE_MAX 4096
#define HEALTH_TIMEOUT_MS 3000                  /* of the asking side */

struct health_state {
    bool is_ready;        /* every cache synced and the last passes ran */
    char reason[512];     /* why not; "" when ready */
};

typedef void (*health_state_fn)(void *ctx, struct health_state *ret_state);

struct health;

/* ERR_IO: the name is in use (another controller in this network namespace) ... */
MUST_CHECK struct health *health_start(struct loop *loop, const char *name, health_state_fn state,
                                       void *ctx, struct err *err);
void health_stop(struct health *h, void (*on_stopped)(void *ctx), void *ctx); /* frees itself after @on_stopped */

/* The asking side, blocking, for `rampart health`. ERR_UNAVAILABLE: nobody listens; ERR_TIMEOUT. */
MUST_CHECK int health_ask(const char *name, struct health_state *ret_state, struct err *err);

#endif

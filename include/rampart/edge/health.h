/*
 * Health for exec probes: the controller answers on an abstract unix socket (no file, so a
 * read-only root will do; it is seen in its network namespace only). Whoever connects gets one JSON
 * line {"live":true,"ready":false,"reason":"..."} and the end of the stream. That the loop answers
 * is the sign of life.
 */
#ifndef RAMPART_EDGE_HEALTH_H
#define RAMPART_EDGE_HEALTH_H

#include <stdbool.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"
#include "rampart/edge/loop.h"

#define HEALTH_SOCKET_DEFAULT "rampart-health" /* name in the abstract name space */
#define HEALTH_NAME_MAX 64                     /* bytes of a name */
#define HEALTH_CLIENTS_MAX 16  /* answered in one turn of the loop; others wait for the next one */
#define HEALTH_LINE_MAX 4096   /* bytes of the answer; a socket takes them without waiting */
#define HEALTH_TIMEOUT_MS 3000 /* of the asking side */

struct health_state {
    bool is_ready;    /* every cache synced and the last passes ran */
    char reason[512]; /* why not; "" when ready */
};

typedef void (*health_state_fn)(void *ctx, struct health_state *ret_state);

struct health;

/* @state is asked for each client. ERR_IO: the name is in use (another controller in this network
 * namespace), or the system says no; ERR_INVALID: no name; ERR_NOMEM. */
MUST_CHECK struct health *health_start(struct loop *loop, const char *name, health_state_fn state,
                                       void *ctx, struct err *err);
/* @on_stopped may be NULL; it runs once, from the loop; @h is freed right after it. NULL: nothing.
 */
void health_stop(struct health *h, void (*on_stopped)(void *ctx), void *ctx);

/* The asking side, blocking, for `rampart health`. ERR_UNAVAILABLE: nobody listens; ERR_TIMEOUT;
 * ERR_INVALID: an answer that is none; ERR_NOMEM. */
MUST_CHECK int health_ask(const char *name, struct health_state *ret_state, struct err *err);

#endif

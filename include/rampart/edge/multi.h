/*
 * One generation of libcurl's multi handle on the libuv loop: its sockets, its timer, its
 * completions. Knows nothing of what is transferred. All callbacks come from the loop, outside
 * libcurl, but for those that the easy handles themselves carry.
 */
#ifndef RAMPART_EDGE_MULTI_H
#define RAMPART_EDGE_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"
#include "rampart/edge/loop.h"

#define MULTI_IDLE_CONNECTIONS_MAX 8 /* kept open for reuse; matters with HTTP/1.1 only */

struct multi;

struct multi_events {
    /* The transfer ended; @easy is still in the multi handle. Only note it: no multi_remove() from
     * here. */
    void (*on_finished)(void *ctx, CURL *easy, CURLcode result);
    /* libcurl or the loop is out of order (memory); close this one and make another. May come
     * repeatedly. */
    void (*on_broken)(void *ctx);
    void *ctx;
};

MUST_CHECK struct multi *multi_new(struct loop *loop, const struct multi_events *events,
                                   struct err *err); /* ERR_NOMEM */
/* Not from inside a callback of libcurl. ERR_NOMEM, ERR_UNAVAILABLE. The bytes leave with
 * multi_drive(). */
MUST_CHECK int multi_add(struct multi *m, CURL *easy, struct err *err);
void multi_remove(struct multi *m, CURL *easy); /* likewise; no completion follows */
void multi_drive(struct multi *m);              /* does what is due now; likewise */

/* Closes the connections; all easy handles were removed. @on_closed runs once, later, and the multi
 * is freed. */
void multi_close(struct multi *m, void (*on_closed)(void *ctx), void *ctx);

#endif

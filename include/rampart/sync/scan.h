/*
 * What is not watched is looked at from time to time: bare Pods and Jobs, or objects of other
 * kinds, listed page by page, each object handed on and forgotten, so that memory does not grow
 * with the cluster. One request at a time, one page every SCAN_PAGE_EVERY_MS, never two scans at
 * once. A scan that fails half-way says nothing: it is begun anew after a back-off, and what the
 * one before found stands until then.
 *
 * Stepped with time; requests are started by scan_step() alone, never from inside an answer.
 */
#ifndef RAMPART_SYNC_SCAN_H
#define RAMPART_SYNC_SCAN_H

#include "rampart/base/log.h"
#include "rampart/kube/object.h"
#include "rampart/sync/transport.h"

#define SCAN_EVERY_MS (10u * 60 * 1000) /* from the end of one to the beginning of the next */
#define SCAN_PAGE_EVERY_MS 100          /* from the end of a page to the request for the next */
#define SCAN_PAGE_OBJECTS 250
#define SCAN_HURRY_MS 1000     /* from a change that asks for a scan to its beginning ... */
#define SCAN_GAP_MS 60000      /* ... which is at least so long after the end of the one before */
#define SCAN_PAGE_MAX_MS 60000 /* one page; the API server's own limit of a request */
#define SCAN_PAGE_IDLE_MAX_MS 30000          /* without a byte of a page */
#define SCAN_OBJECT_BYTES_MAX (1024u * 1024) /* of one compact object */

struct scan;

struct scan_options {
    struct transport *transport; /* borrowed */
    struct log *log;             /* borrowed; may be NULL */
    uint64_t seed;               /* for jitter */
    const enum kind *kinds;      /* borrowed; NULL: Pods, then Jobs */
    size_t kinds_count;
    /* Asked before each scan; false: it ends at once, and nothing was found. NULL: always. */
    bool (*is_wanted)(void *ctx);
    void (*on_begin)(void *ctx);
    /* One object, borrowed for the call. -1 (with @err): the scan has failed. */
    int (*on_object)(void *ctx, const struct object *object, struct err *err);
    /* All of them have come by; @had_trouble: and the try before failed. */
    void (*on_end)(void *ctx, bool had_trouble);
    void (*on_failed)(void *ctx); /* see scan_trouble() */
    void *ctx;
};

/* ERR_NOMEM. The first scan begins with the first step. */
MUST_CHECK struct scan *scan_new(const struct scan_options *options, struct err *err);
void scan_stop(struct scan *s); /* cancels what runs */
bool scan_is_stopped(const struct scan *s);
void scan_free(struct scan *s); /* stopped or never stepped; NULL is fine */

void scan_step(struct scan *s, uint64_t now_ms);
uint64_t scan_deadline(const struct scan *s);
/* What was found may be otherwise by now: the next scan comes sooner. */
void scan_hurry(struct scan *s, uint64_t now_ms);
/* Why the last try failed, complete, with what to do; "" when it did not. */
const char *scan_trouble(const struct scan *s);

#endif

/*
 * The bytes of an API server's audit log as events: one Event or one EventList a line, as the API
 * server's log and webhook backends write them. In constant memory, whatever a line holds: only
 * what audit_event.h keeps of an event is ever stored. A line that cannot be read is told with its
 * number, and the next one is read as ever.
 *
 * Pure: no file, no clock.
 */
#ifndef RAMPART_KUBE_AUDIT_LOG_H
#define RAMPART_KUBE_AUDIT_LOG_H

#include <stdint.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"
#include "rampart/kube/audit_event.h"

/* Bytes of one event, after projection; the API server takes no URL of more than a tenth of it. A
 * larger one is unreadable. */
#define AUDIT_EVENT_LEN_MAX (64u * 1024)

/* Return 0 to go on, -1 (with @err set) to stop: audit_log_feed() then returns the same error. */
struct audit_reader {
    /* All is borrowed for the call. */
    int (*take_event)(void *ctx, const struct audit_event *event, struct err *err);
    /* Line @line, from 1, or one event of the list in it. @why: ERR_INVALID or ERR_LIMIT. */
    int (*take_unreadable)(void *ctx, uint64_t line, const struct err *why, struct err *err);
    void *ctx;
};

struct audit_log;

/* @reader is copied. ERR_NOMEM. */
MUST_CHECK struct audit_log *audit_log_new(const struct audit_reader *reader, struct err *err);
void audit_log_free(struct audit_log *log); /* NULL is fine */

/*
 * Chunks may end anywhere. Errors: what @reader returned, ERR_NOMEM; then only audit_log_free().
 * Events of a list that come before what cannot be read of it are handed out.
 */
MUST_CHECK int audit_log_feed(struct audit_log *log, const char *bytes, size_t len,
                              struct err *err);
/* The file ended: a last line without its end is read, or told to be cut off. The next byte is the
 * first of another file, whose lines are counted from 1. Errors as above. */
MUST_CHECK int audit_log_end(struct audit_log *log, struct err *err);

#endif

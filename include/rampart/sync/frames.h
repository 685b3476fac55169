/*
 * The bytes of a list page or of a watch stream as typed frames: frames the JSON, projects it to
 * what the kind keeps, parses one object at a time and tells what it is. An object that is too
 * large to be read comes with what was whole of it and the mark OBJECT_CUT (kube/object.h). Pure;
 * knows no store and no state of the watch.
 */
#ifndef RAMPART_SYNC_FRAMES_H
#define RAMPART_SYNC_FRAMES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"
#include "rampart/kube/resource.h"

/* Bytes of one object that is read, after projection. Its tree takes up to eighty times as many (an
 * array of {}), and tenants write objects. */
#define FRAMES_OBJECT_LEN_MAX (256u * 1024)
#define FRAMES_TOKEN_LEN_MAX (16u * 1024) /* of a continue token; a longer one is ERR_INVALID */

enum frame_type {
    FRAME_ITEM = 0,   /* of a list: @object */
    FRAME_PAGE,       /* a list page is complete: @rv, @continue_token */
    FRAME_ADDED,      /* @object, @rv */
    FRAME_MODIFIED,   /* @object, @rv */
    FRAME_DELETED,    /* @object, @rv */
    FRAME_BOOKMARK,   /* @rv, @is_initial_end */
    FRAME_UNREADABLE, /* JSON that is none of these, or another kind of object (a Table): @why */
    FRAME_TYPE_COUNT,
};

/* Everything is borrowed for the call. */
struct frame {
    enum frame_type type;
    const json_t *object;       /* projected; NULL where the type has none */
    const char *rv;             /* "" when it tells none */
    const char *continue_token; /* "" on the last page */
    bool is_initial_end;        /* annotation k8s.io/initial-events-end: "true" */
    const struct err *why;      /* ERR_INVALID */
};

/* Return 0 to go on, -1 (with @err set) to stop: frames_feed() then returns the same error. */
typedef int (*frame_fn)(void *ctx, const struct frame *frame, struct err *err);

struct frames;

/* ERR_NOMEM. */
MUST_CHECK struct frames *frames_new(enum kind kind, bool is_list, frame_fn fn, void *ctx,
                                     struct err *err);
/* Of list pages that are read as evidence: resource_of(@kind)->keep_evidence stays. ERR_NOMEM. */
MUST_CHECK struct frames *frames_new_evidence(enum kind kind, frame_fn fn, void *ctx,
                                              struct err *err);
void frames_free(struct frames *f); /* NULL is fine */

/*
 * Errors: what @fn returned; the Status of an ERROR event (status.h); ERR_INVALID for bytes that
 * are no JSON and for a list page that is no list of this kind; ERR_LIMIT (slice.h); ERR_NOMEM.
 * Afterwards only frames_free().
 */
MUST_CHECK int frames_feed(struct frames *f, const char *bytes, size_t len, struct err *err);
/* The answer came to its proper end. ERR_INVALID when it ended inside a value, or a list before its
 * page was complete. */
MUST_CHECK int frames_end(struct frames *f, struct err *err);

#endif

/*
 * Streaming framer and projector: finds where one JSON value ends in a stream of bytes of any
 * chunking, and copies only the fields that we keep. No tree, no allocation per value; time is
 * linear in the bytes whatever the chunking.
 *
 * Two uses:
 *  - a watch: values one after the other. Each goes through the projection.
 *  - a list: one object; the elements of its top-level "items" array come out one by one, and when
 *    it ends the rest ({"kind":..,"metadata":{..}}) comes out with SLICE_ENVELOPE. "items": null is
 *    an empty list.
 *
 * The framer checks the structure: what may follow what, brackets, escapes, depth. It leaves the
 * inside of numbers, UTF-8 and duplicate names to json_decode(), which reads what was kept.
 */
#ifndef RAMPART_JSON_SLICE_H
#define RAMPART_JSON_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"
#include "rampart/base/strbuf.h"

#define SLICE_DEPTH_MAX 128 /* levels of what is kept; the API's own objects stay far below */
#define SLICE_LEVELS_MAX \
    10000 /* levels in all: Go's decoder, and so the API server, takes no more */
/* Bytes before projection: only a value that never ends is longer. A request ends at 3 MiB, but
 * what it asks for may be several times that as JSON, with its defaults filled in. */
#define SLICE_RAW_MAX (32u * 1024u * 1024u)
#define SLICE_DIGEST "(digest)" /* ends the name of a node that asks for one */
#define SLICE_NAME_MAX 96       /* bytes of a name in a projection */
#define SLICE_LEFT_OUT_LEVELS_MAX 4

/*
 * What to keep: a tree of member names, one list of nodes a level, each list ending in {0}. The
 * first node of a list that matches a member decides; "*" matches every member. Arrays are
 * transparent (their elements see the same list), and a scalar where an object was expected is
 * kept, so that the decoder sees the wrong type.
 *
 * A node {"NAME(digest)"} right after the node NAME adds a member of that name after it: 16 hex
 * digits over the bytes of its value as they were read, dropped ones and white space included
 * (FNV-1a of 64 bits: it tells changes, and is no proof against whoever wants two values to look
 * alike). A member that is read under such a name never stays. Inside a value that gets a digest no
 * other one is made, nor in a list that has a "*"; without the member there is none.
 *
 * The children of that node, where it has any, say what does not count, as a tree of at most
 * SLICE_LEFT_OUT_LEVELS_MAX levels: the members at its ends with the comma beside them, and an
 * object on the way when nothing else is in it. So it makes no difference whether such a member,
 * or the object around it alone, is there or not. The objects on the way have to have lists of
 * nodes of their own in the tree of what stays ({"*"} will do).
 *
 * Static data; see kube/resource.h for one per resource.
 */
struct projection {
    const char *name;                  /* member name or "*" */
    const struct projection *children; /* ends in {0}; NULL keeps everything below */
};

enum slice_kind {
    SLICE_VALUE = 0, /* one whole value of a watch stream, or one element of "items" */
    SLICE_CUT,       /* the same, but what would be kept is too long or too deep: the members that
                        were whole before it outgrew its ceiling; "null" when there was none */
    SLICE_ENVELOPE,  /* SLICE_LIST only: the list object without its items */
};

/*
 * One projected value. @text is borrowed for the call, NUL-terminated at @len. Must not call the
 * slice. Return 0 to go on, -1 (with @err set) to stop: slice_feed() returns -1 with the same
 * error.
 */
typedef int (*slice_fn)(void *ctx, enum slice_kind kind, const char *text, size_t len,
                        struct err *err);

enum slice_mode { SLICE_STREAM = 0, SLICE_LIST };

struct slice;

/*
 * @keep: the list of nodes for the members of one value, borrowed for the life of the slice; NULL
 * keeps all. In SLICE_LIST it applies to each item; the envelope keeps apiVersion, kind, metadata,
 * and for a Status also status, reason, code, message and details. @kept_max: ceiling of one
 * projected value in bytes; a value that outgrows it is cut, and the next one is read on as ever.
 */
MUST_CHECK struct slice *slice_new(enum slice_mode mode, const struct projection *keep,
                                   size_t kept_max, slice_fn fn, void *ctx, struct err *err);
/*
 * Of one list, or of one object that is none: what stays of the list itself, or of the object, is
 * @around instead, which must have a node {"items"} (for the elements, to which @keep applies, and
 * which never stays). So it need not be known beforehand which of the two comes.
 */
MUST_CHECK struct slice *slice_new_around(const struct projection *around,
                                          const struct projection *keep, size_t kept_max,
                                          slice_fn fn, void *ctx, struct err *err);
void slice_free(struct slice *s);

/* Forgets what was read, also after an error or the end: the next byte is the first of a new value
 * or list. */
void slice_clear(struct slice *s);

/*
 * Errors: ERR_INVALID (not JSON, with the byte offset), ERR_LIMIT (SLICE_LEVELS_MAX,
 * SLICE_RAW_MAX, an envelope over @kept_max), ERR_NOMEM, or what @fn returned. After an error the
 * slice is dead: only slice_free() and slice_clear().
 */
MUST_CHECK int slice_feed(struct slice *s, const char *bytes, size_t len, struct err *err);

/*
 * The stream ended; a number that ended with it is handed out now. ERR_INVALID when it ended inside
 * a value ("ends in the middle of a value after N bytes"), for a list also before it. Then only
 * slice_free() and slice_clear().
 */
MUST_CHECK int slice_end(struct slice *s, struct err *err);

uint64_t slice_values(const struct slice *s); /* values handed out, envelopes not counted */

#endif

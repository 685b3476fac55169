/*
 * Writing JSON text into a strbuf: escaping and commas in one place, no printf of values, no tree.
 *
 * Members are written in the order of the calls. Canonical text (for comparing specs) is what
 * json_canonical() gives: members sorted by name, no white space, null members left out.
 */
#ifndef RAMPART_JSON_BUILD_H
#define RAMPART_JSON_BUILD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "rampart/base/arena.h"
#include "rampart/base/err.h"
#include "rampart/base/strbuf.h"

#define JSON_BUILD_DEPTH_MAX 32

struct json_build {
    struct strbuf *out;                    /* borrowed */
    unsigned depth;                        /* open containers */
    bool has_member[JSON_BUILD_DEPTH_MAX]; /* whether a comma is due, per open container */
};

void json_build_init(struct json_build *j, struct strbuf *out);

/*
 * @name NULL inside arrays and at the top. Text must not be NULL; bytes of it that are no UTF-8
 * become U+FFFD. Too deep, or closing more than is open, is our own mistake and asserted. Out of
 * memory and the ceiling show in the strbuf: ask it once at the end.
 */
void json_open_obj(struct json_build *j, const char *name);
void json_close_obj(struct json_build *j);
void json_open_arr(struct json_build *j, const char *name);
void json_close_arr(struct json_build *j);
void json_add_str(struct json_build *j, const char *name, const char *text);
void json_add_int(struct json_build *j, const char *name, int64_t number);
void json_add_bool(struct json_build *j, const char *name, bool flag);
void json_add_null(struct json_build *j, const char *name);
void json_add_raw(struct json_build *j, const char *name, const char *json_text); /* trusted JSON */

#define CANONICAL_LEN_MAX (4u * 1024 * 1024) /* bytes */

/*
 * Sorted by the bytes of the names, compact, without members that are null; empty objects and
 * arrays are kept (in a NetworkPolicy `{}` and absent differ), and so are null elements, for they
 * have a place. The text lies in the arena. Errors: ERR_NOMEM, ERR_LIMIT (CANONICAL_LEN_MAX
 * bytes, JSON_DEPTH_MAX levels).
 */
MUST_CHECK const char *json_canonical(const json_t *value, struct arena *a, struct err *err);

#endif

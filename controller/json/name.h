/*
 * Member names as they pass by: collected over chunks, unescaped, looked up in a projection.
 * Private to json/slice.c.
 */
#ifndef RAMPART_JSON_NAME_H
#define RAMPART_JSON_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "rampart/json/slice.h"

struct member_name {
    char text[SLICE_NAME_MAX * 6]; /* between the quotes; each character may be written as \uXXXX */
    size_t len;                    /* bytes of @text */
    bool is_too_long;              /* longer than any name of a projection */
    bool is_plain;                 /* @text is unescaped by now */
};

void name_clear(struct member_name *n);
void name_add(struct member_name *n, const char *bytes, size_t len);

/*
 * The first node of @nodes that is "*" or equals @n once unescaped, or NULL. Unescapes @n in place,
 * once.
 */
const struct projection *name_find(struct member_name *n, const struct projection *nodes);

/* The same for a name without escapes that was never collected. */
const struct projection *name_find_plain(const char *text, size_t len,
                                         const struct projection *nodes);

bool name_is_any(const struct projection *node); /* "*" */

#endif

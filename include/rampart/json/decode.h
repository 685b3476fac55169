/*
 * Parsing JSON text into jansson's tree, with out of memory told apart from bad input.
 * Single-threaded.
 */
#ifndef RAMPART_JSON_DECODE_H
#define RAMPART_JSON_DECODE_H

#include <jansson.h>
#include <stddef.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"

#define JSON_DEPTH_MAX 128 /* levels of json_decode() */

/*
 * Parses one value of any type into a tree that the caller owns (json_auto_t). Errors: ERR_INVALID
 * (duplicate names, trailing bytes, NUL in strings, bad UTF-8, numbers that do not fit, with the
 * byte offset), ERR_LIMIT (deeper than JSON_DEPTH_MAX), ERR_NOMEM.
 */
MUST_CHECK json_t *json_decode(const char *text, size_t len, struct err *err);

/*
 * Makes jansson allocate through base/alloc.h, so that tests can make it fail, and seeds its hash
 * (member names come from tenants; 0 lets jansson read a seed from the system). Call once, before
 * the first value.
 */
void json_use_allocator(size_t seed);

#endif

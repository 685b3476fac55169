/*
 * YAML text as JSON values (libyaml for the syntax, the YAML 1.2 core schema for plain scalars:
 * true, false, null and numbers; "yes" and "on" are strings). Pure.
 *
 * Refused, each with its line, because JSON has no such thing or because tools read it differently:
 * anchors, aliases and merge keys (a way to blow a small file up), tags other than !!str, duplicate
 * keys, keys that are not scalars, .inf and .nan, numbers with a leading zero (octal to some), a
 * NUL in a string. Integers beyond 64 bits become real numbers.
 */
#ifndef RAMPART_YAML_YAML_H
#define RAMPART_YAML_YAML_H

#include <jansson.h>
#include <stddef.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"

#define YAML_TEXT_MAX (4u * 1024 * 1024)
#define YAML_DEPTH_MAX 64 /* nested mappings and sequences */
#define YAML_DOCUMENTS_MAX 1000

/*
 * Calls @fn for each document that is not empty, with the line on which it starts (from 1); the
 * value is borrowed. -1 of @fn stops. Errors: ERR_INVALID with line and column, ERR_LIMIT,
 * ERR_NOMEM, or @fn's.
 */
typedef int (*yaml_document_fn)(void *ctx, const json_t *document, size_t line, struct err *err);
MUST_CHECK int yaml_decode(const char *text, size_t len, yaml_document_fn fn, void *ctx,
                           struct err *err);

#endif

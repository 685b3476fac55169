/* Objects of manifests: a file, a folder or standard input. */
#ifndef RAMPART_CLI_MANIFESTS_H
#define RAMPART_CLI_MANIFESTS_H

#include <jansson.h>

#include "rampart/base/alloc.h"
#include "rampart/base/err.h"

#define MANIFESTS_FILES_MAX 10000 /* of one folder */

/* Borrowed for the call. -1 (with @err) gives up; the message gets file and line in front. */
typedef int (*manifest_fn)(void *ctx, const json_t *object, struct err *err);

/*
 * Calls @fn for each object in @path: YAML documents or JSON, items of lists one by one; "-" is
 * standard input, of a folder all *.yaml, *.yml and *.json, sorted, not what is in folders below
 * it. Errors: ERR_INVALID with file and line, ERR_NOT_FOUND, ERR_IO, ERR_LIMIT, ERR_NOMEM, or
 * @fn's.
 */
MUST_CHECK int manifests_read(const char *path, manifest_fn fn, void *ctx, struct err *err);

#endif

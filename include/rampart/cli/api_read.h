/*
 * Reads a few things of a cluster once, as whoever the kubeconfig says, and blocks until all of it
 * is there: lists page by page, documents (discovery) whole, side by side.
 */
#ifndef RAMPART_CLI_API_READ_H
#define RAMPART_CLI_API_READ_H

#include <jansson.h>

#include "rampart/base/log.h"
#include "rampart/json/slice.h"
#include "rampart/yaml/kubeconfig.h"

#define API_READ_AT_ONCE 16 /* requests in flight */
#define API_READ_PAGE_OBJECTS 500
#define API_READ_OBJECT_MAX (4u * 1024 * 1024) /* bytes of what is kept of one object */
#define API_READ_PAGE_MAX_MS 60000             /* one request */
#define API_READ_MAX_MS 120000                 /* everything */
#define API_READ_UNREACHED_MS 10000 /* while the server does not answer, or with 5xx or 429 */

struct api_reading {
    const char *path;   /* escaped, without query; borrowed */
    const char *query;  /* of a list, escaped: "fieldSelector=..."; NULL: none */
    const char *accept; /* types of the answer; NULL: application/json */
    const char *what;   /* for messages: "list roles.rbac.authorization.k8s.io in namespace shop" */
    bool is_document;   /* no list: @on_value gets the whole answer */
    const struct projection *keep; /* of one item of a list; NULL: all */
    /* In the order of the list; borrowed for the call. -1 (with @err) gives up. */
    int (*on_value)(void *ctx, const json_t *value, struct err *err);
    /* Of an item of a list that is too large, or no JSON for us; NULL: it is an error of all. */
    int (*on_unreadable)(void *ctx, const char *why, struct err *err);
    void *ctx;
    /* Where not NULL, ERR_FORBIDDEN and ERR_NOT_FOUND are written here and end this reading alone;
     * untouched otherwise. */
    struct err *ret_refused;
    /* Likewise for every answer that is not 2xx, which is not asked for again: a group of resources
     * whose own server is down, behind the API server. */
    struct err *ret_failed;
};

/*
 * Errors, each with @what: http_new()'s, ERR_FORBIDDEN (names the right that is missing in the
 * server's words), ERR_UNAUTHORIZED, ERR_NOT_FOUND, ERR_EXPIRED (a list that was gone between two
 * pages), ERR_LIMIT (an object over API_READ_OBJECT_MAX), ERR_INVALID (no list, no JSON),
 * ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_NOMEM, or @on_value's. @log may be NULL.
 */
MUST_CHECK int api_read(const struct client_config *config, struct log *log,
                        const struct api_reading *readings, size_t count, struct err *err);

#endif

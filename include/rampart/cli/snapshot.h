/*
 * The cluster as it is at one moment: everything that the controller watches, read once into the
 * controller's own stores through its own informers. Blocks until it is complete or until it is
 * clear that it will not be.
 */
#ifndef RAMPART_CLI_SNAPSHOT_H
#define RAMPART_CLI_SNAPSHOT_H

#include <stdbool.h>

#include "rampart/base/log.h"
#include "rampart/kube/view.h"
#include "rampart/yaml/kubeconfig.h"

#define SNAPSHOT_MAX_MS 120000 /* for everything */
#define SNAPSHOT_UNREACHED_MS \
    10000 /* while the server does not answer, or answers with 5xx or 429 */

struct snapshot;

struct snapshot_options {
    const struct client_config *config; /* borrowed for the call */
    struct log *log;                    /* borrowed; may be NULL */
    bool may_lack_profiles; /* a server without the SecurityProfile CRD has none, and that is no
                               error */
};

/* Errors: http_new()'s, ERR_FORBIDDEN, ERR_UNAUTHORIZED, ERR_NOT_FOUND (a resource that the server
 * does not have), ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_NOMEM; the message says what to do. */
MUST_CHECK struct snapshot *snapshot_take(const struct snapshot_options *options, struct err *err);
void snapshot_free(struct snapshot *s); /* NULL is fine */

/* As in struct view_ops. */
MUST_CHECK int snapshot_list(const struct snapshot *s, enum kind kind, const char *ns,
                             struct arena *a, struct object_list *ret_list, struct err *err);
const struct object *snapshot_get(const struct snapshot *s, enum kind kind, const char *ns,
                                  const char *name);

#endif

/* URL paths and queries of the Kubernetes API, escaped. Pure. */
#ifndef RAMPART_KUBE_PATH_H
#define RAMPART_KUBE_PATH_H

#include <stdint.h>

#include "rampart/base/strbuf.h"
#include "rampart/kube/resource.h"

#define PATH_LEN_MAX 8192 /* a continue token may take some KiB */

/* NULL or 0 leaves a parameter out, "" states it empty. All borrowed. */
struct path_query {
    uint32_t limit; /* page size of a list */
    const char *continue_token;
    const char *resource_version;
    const char *resource_version_match; /* "NotOlderThan" */
    bool is_watch;
    bool has_bookmarks;        /* allowWatchBookmarks=true */
    bool sends_initial_events; /* sendInitialEvents=true */
    uint32_t timeout_s;        /* timeoutSeconds of a watch */
    const char *field_manager;
    bool is_dry_run;            /* dryRun=All: everything but the write itself */
    const char *label_selector; /* "app in (a,b)" */
};

/* "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/x/status?...". ns NULL: all
 * namespaces (or a cluster-scoped kind, for which @ns is ignored); name NULL: the collection;
 * subresource NULL: none; query NULL: none. A broken buffer tells of errors. An empty segment or
 * one of dots is a mistake of the caller's: it aborts. */
void path_build(struct strbuf *out, enum kind kind, const char *ns, const char *name,
                const char *subresource, const struct path_query *query);

/* RFC 3986 unreserved characters stand, everything else becomes %XX. */
void path_escape(struct strbuf *out, const char *text);

#endif

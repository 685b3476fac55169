/* What `rampart rbac findings` asks the rules about, of a cluster or of manifests. */
#ifndef RAMPART_CLI_FINDINGS_READ_H
#define RAMPART_CLI_FINDINGS_READ_H

#include "rampart/base/log.h"
#include "rampart/reconcilers/access_evidence.h"
#include "rampart/yaml/kubeconfig.h"

/* A kind that could not be read, or not all of it. */
struct findings_not_read {
    const char *what; /* "Pods"; in the arena of the call */
    const char *why;
};

struct findings_gaps {
    struct findings_not_read items[EVIDENCE_KIND_COUNT];
    size_t count;
};

/*
 * Adds what the caller of @config may list, and says in @ret_gaps what not; @e knows of it too. @ns
 * NULL: of all namespaces; else what is in that one, and ClusterRoles. Of Secrets only those of
 * type SECRET_TYPE_TOKEN are asked for, and only their metadata. Errors: api_read()'s but for
 * ERR_FORBIDDEN, access_evidence_add()'s but for ERR_INVALID.
 */
MUST_CHECK int findings_read_cluster(const struct client_config *config, struct log *log,
                                     const char *ns, struct arena *a, struct access_evidence *e,
                                     struct findings_gaps *ret_gaps, struct err *err);

/* Adds what is in @path, as manifests_read() takes it; objects of other kinds are left out. Errors:
 * manifests_read()'s, access_evidence_add()'s. *ret_count: objects that were added. */
MUST_CHECK int findings_read_path(const char *path, const char *ns_absent,
                                  struct access_evidence *e, size_t *ret_count, struct err *err);

#endif

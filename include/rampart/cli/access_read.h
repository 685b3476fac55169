/* The graph of rights (reconcilers/access_graph.h) of a cluster or of manifests. */
#ifndef RAMPART_CLI_ACCESS_READ_H
#define RAMPART_CLI_ACCESS_READ_H

#include "rampart/base/log.h"
#include "rampart/reconcilers/access_graph.h"
#include "rampart/yaml/kubeconfig.h"

/* Objects that cannot be read: tenants write roles, and none of them may keep others from an
 * answer. */
struct access_left_out {
    size_t count;
    struct err first; /* which one, and why; ERR_NONE: none */
};

/*
 * Adds what the cluster has: ClusterRoles and ClusterRoleBindings, and Roles and RoleBindings of
 * namespace @ns; NULL: of all of them; "": none of those. What cannot be read is left
 * out, and counted in @left_out. Errors: api_read()'s; ERR_LIMIT (access_add()'s).
 */
MUST_CHECK int access_read_cluster(const struct client_config *config, struct log *log,
                                   const char *ns, struct access *g,
                                   struct access_left_out *left_out, struct err *err);

/*
 * Adds what is in @path, as manifests_read() takes it. Objects of other kinds are left out.
 * @ns_absent: as for access_add(). Errors: manifests_read()'s, access_add()'s.
 */
MUST_CHECK int access_read_path(const char *path, const char *ns_absent, struct access *g,
                                struct err *err);

#endif

/* The graph of rights (reconcilers/access_graph.h) of a cluster or of manifests. */
#ifndef RAMPART_CLI_ACCESS_READ_H
#define RAMPART_CLI_ACCESS_READ_H

#include "rampart/base/log.h"
#include "rampart/reconcilers/access_graph.h"
#include "rampart/yaml/kubeconfig.h"

#define ACCESS_FILES_MAX 10000 /* of one folder */

/*
 * Adds what the cluster has: ClusterRoles and ClusterRoleBindings, and Roles and RoleBindings of
 * namespace @ns; NULL: of all of them; "": none of those. Errors: api_read()'s, access_add()'s.
 */
MUST_CHECK int access_read_cluster(const struct client_config *config, struct log *log,
                                   const char *ns, struct access *g, struct err *err);

/*
 * Adds what is in @path: YAML documents or JSON, lists too; "-" is standard input, of a folder all
 * *.yaml, *.yml and *.json, not what is in folders below it. Objects of other kinds are left out.
 * @ns_absent: as for access_add(). Errors: ERR_INVALID with file, line and path, ERR_NOT_FOUND,
 * ERR_IO, ERR_LIMIT, ERR_NOMEM.
 */
MUST_CHECK int access_read_path(const char *path, const char *ns_absent, struct access *g,
                                struct err *err);

#endif

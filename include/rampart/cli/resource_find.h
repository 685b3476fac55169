/* Which resource somebody means who writes "deploy", "pods/log" or "carts.shop.example". */
#ifndef RAMPART_CLI_RESOURCE_FIND_H
#define RAMPART_CLI_RESOURCE_FIND_H

#include "rampart/base/log.h"
#include "rampart/kube/resource_name.h"
#include "rampart/yaml/kubeconfig.h"

struct found_resource {
    const char *plural; /* in the arena of the call, as the next */
    const char *group;
    bool is_namespaced; /* true where nobody knows */
    bool is_known;      /* by Rampart itself or by the API server */
};

/*
 * Rampart knows what every API server has. For the rest it asks that of @config for what it has, in
 * its order; NULL: it asks nobody. What nobody knows is taken as it is written, when a group is
 * stated; a star is all groups, where none is. Errors: ERR_NOT_FOUND (no group is stated, and
 * nobody knows it: the message says what to write), api_read()'s, ERR_NOMEM. A group that the API
 * server cannot tell about is an error only where the resource may be in it and is in no other.
 */
MUST_CHECK int resource_find(const struct resource_name *name, const struct client_config *config,
                             struct log *log, struct arena *a, struct found_resource *ret_found,
                             struct err *err);

#endif

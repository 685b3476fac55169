/* Who can do one thing: all subjects that some binding lets do it, with what they have it by. Pure.
 */
#ifndef RAMPART_RECONCILERS_ACCESS_WHO_CAN_H
#define RAMPART_RECONCILERS_ACCESS_WHO_CAN_H

#include "rampart/reconcilers/access_graph.h"

struct access_question {
    const char *ns;           /* "": in none; only ClusterRoleBindings count */
    bool is_in_any_namespace; /* @ns does not count: RoleBindings of all of them do */
    struct rbac_request request;
};

/* One subject by one binding. All borrowed from the graph, but for the list of names. */
struct access_grant {
    const struct access_subject *subject;
    const struct access_binding *binding; /* its role is there */
    struct rbac_list names; /* of a question without a name: the only ones, sorted; empty: any */
};

struct access_grants {
    const struct access_grant *items; /* in the arena of the call */
    size_t count;
};

/*
 * Whether a request of that kind can have a name at all: those that create something new, and those
 * that delete a whole collection, have none. Custom verbs have one.
 */
bool access_can_have_name(const struct rbac_request *request);

/*
 * Each subject as the bindings name it: who is in a group is not in the graph. Sorted by type,
 * namespace and name of the subject, then by namespace and name of the binding; a subject that is
 * twice in one binding comes once. Of a question without a name, for a request that can have one,
 * those are there too who may do it for some names. Not in it: system:masters, whom no binding
 * gives anything. ERR_NOMEM.
 */
MUST_CHECK int access_who_can(const struct access *g, const struct access_question *question,
                              struct arena *a, struct access_grants *ret_grants, struct err *err);

#endif

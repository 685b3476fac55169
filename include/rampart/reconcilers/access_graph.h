/*
 * Who may do what: the Roles, ClusterRoles, RoleBindings and ClusterRoleBindings of a cluster or of
 * a folder of manifests as one graph, judged as the API server's RBAC authorizer does
 * (kubernetes.io/docs/reference/access-authn-authz/rbac).
 *
 * Pure. Built once: access_add() for each object in any order, then access_link(), then questions.
 * Everything that a question hands out is borrowed from the graph and lives as long as it does.
 *
 * Aggregated ClusterRoles are taken with the rules that they show: the API server's controller
 * fills them in. Rights that do not come from RBAC (the node authorizer, webhooks) are not in it,
 * but for system:masters, whose members the API server lets do everything.
 */
#ifndef RAMPART_RECONCILERS_ACCESS_GRAPH_H
#define RAMPART_RECONCILERS_ACCESS_GRAPH_H

#include "rampart/kube/labels.h"
#include "rampart/kube/rbac_rule.h"

#define LABEL_BOOTSTRAPPING "kubernetes.io/bootstrapping"
#define BOOTSTRAPPING_DEFAULTS "rbac-defaults" /* its value */
#define ACCESS_SELECTORS_MAX 256               /* clusterRoleSelectors of one aggregationRule */
#define ACCESS_OBJECTS_MAX (1u << 18)          /* roles, and as many bindings */
#define ACCESS_GROUP_MASTERS "system:masters"

/* ---- the graph ---- */

enum access_kind {
    ACCESS_ROLE = 0,
    ACCESS_CLUSTER_ROLE,
    ACCESS_ROLE_BINDING,
    ACCESS_CLUSTER_ROLE_BINDING,
    ACCESS_KIND_COUNT,
};

const char *access_kind_name(enum access_kind kind);     /* "ClusterRole" */
const char *access_kind_resource(enum access_kind kind); /* "clusterroles" */
/* The kind that apiVersion and kind of @object name; -1: none of these. */
int access_kind_of(const json_t *object);

struct access_role {
    const char *ns; /* "": a ClusterRole */
    const char *name;
    struct rbac_rules rules;
    bool is_aggregated;   /* has an aggregationRule */
    bool is_bootstrapped; /* labelled kubernetes.io/bootstrapping: rbac-defaults, by whoever */
    bool is_taken_up; /* a ClusterRole whose labels an aggregationRule selects; by access_link() */
    struct labels labels;             /* of a ClusterRole */
    const struct selector *selectors; /* of an aggregationRule; those that cannot be read are left
                                       * out */
    size_t selectors_count;
};

enum access_subject_type {
    ACCESS_USER = 0,
    ACCESS_GROUP,
    ACCESS_SERVICE_ACCOUNT,
    ACCESS_SUBJECT_COUNT,
};

const char *access_subject_type_name(enum access_subject_type type); /* "ServiceAccount" */

struct access_subject {
    enum access_subject_type type;
    const char *ns; /* of a ServiceAccount, where the subject states none that of its binding; ""
                     * in a ClusterRoleBinding (it is nobody then) and otherwise */
    const char *name;
};

struct access_binding {
    const char *ns; /* "": a ClusterRoleBinding */
    const char *name;
    const char *role_ns; /* "": a ClusterRole is bound, else a Role of @ns */
    const char *role_name;
    const struct access_role *role;        /* NULL: there is no such role, so nothing is granted */
    const struct access_subject *subjects; /* in the order of the object */
    size_t subjects_count;
    bool is_bootstrapped; /* as of a role */
};

struct access {
    struct access_role *roles; /* sorted by (ns, name): ClusterRoles first */
    size_t roles_count;
    struct access_binding *bindings; /* likewise */
    size_t bindings_count;
    size_t roles_room, bindings_room;
    bool is_linked;
    struct arena arena; /* all texts and lists */
};

/* @bytes_max: ceiling of all texts and lists of the graph. */
void access_init(struct access *g, size_t bytes_max);
void access_done(struct access *g); /* NULL and a zeroed graph are fine */

/*
 * Copies what counts of one object. @ns_absent is the namespace of a Role or RoleBinding that
 * states none, as in manifests. Errors: ERR_INVALID (the message starts with kind and name, then
 * the path), ERR_LIMIT (ACCESS_OBJECTS_MAX, bytes_max), ERR_NOMEM; then the graph is as it was.
 */
MUST_CHECK int access_add(struct access *g, enum access_kind kind, const json_t *object,
                          const char *ns_absent, struct err *err);

/* ERR_INVALID: an object is there twice. Nothing can be added afterwards. */
MUST_CHECK int access_link(struct access *g, struct err *err);

/* @ns "": a ClusterRole. NULL when there is none. */
const struct access_role *access_role_find(const struct access *g, const char *ns,
                                           const char *name);
/* Bindings of namespace @ns ("": ClusterRoleBindings): the first, and how many from there on. */
const struct access_binding *access_bindings_in(const struct access *g, const char *ns,
                                                size_t *ret_count);

/* ---- questions ---- */

struct access_user {
    const char *name;
    const char *const *groups;
    size_t groups_count;
};

#define ACCESS_SERVICE_ACCOUNT_GROUPS 3

/*
 * As whom a ServiceAccount comes: system:serviceaccount:NS:NAME, in the groups
 * system:serviceaccounts, system:serviceaccounts:NS and system:authenticated. Lies in @a;
 * ERR_NOMEM.
 */
MUST_CHECK int access_user_of(const char *ns, const char *name, struct arena *a,
                              struct access_user *ret_user, struct err *err);

bool access_subject_is(const struct access_subject *subject, const struct access_user *user);

/*
 * Whether @user may do @request in namespace @ns; "" for what is in none and for non-resource
 * paths: RoleBindings do not count there. *ret_binding (may be NULL) is the binding that allows it,
 * NULL for system:masters.
 */
bool access_allows(const struct access *g, const struct access_user *user, const char *ns,
                   const struct rbac_request *request, const struct access_binding **ret_binding);

#endif

/*
 * What the access rules find in a graph of roles and bindings and in the ServiceAccounts beside it,
 * with the cluster's own components told from what people granted. Pure: the command line asks it
 * of what its caller may list, a reconciler can ask it of what it watches.
 */
#ifndef RAMPART_RECONCILERS_ACCESS_FINDINGS_H
#define RAMPART_RECONCILERS_ACCESS_FINDINGS_H

#include "rampart/reconcilers/access_accounts.h"
#include "rampart/reconcilers/access_component.h"

#define ACCESS_FINDINGS_SCRATCH_MAX                               \
    (64u * 1024 * 1024) /* bytes for one object, and once for all \
                         */

/* What of one kind was read: all there is of the namespaces that are asked about, or not. What is
 * missing from READ_SOME may be there all the same. */
enum access_read { ACCESS_READ_SOME = 0, ACCESS_READ_ALL };

struct access_findings_question {
    const struct access *graph; /* linked */
    const struct access_accounts *accounts;
    const char *ns; /* the one namespace that is asked about, and of which objects with a namespace
                     * were read; NULL: all. Then ClusterRoleBindings and ClusterRoles are asked
                     * too */
    enum access_read roles, cluster_roles, bindings, cluster_bindings;
    enum access_read service_accounts;
    enum access_read workloads; /* Pods, and what has a template for them */
    bool asks_components;       /* also what is of the cluster itself */
};

struct access_finding {
    enum rule_outcome outcome;              /* RULE_FAIL, or RULE_ERROR: cannot be told */
    const struct access_rule *const *rules; /* of RULE_FAIL one, else all with this trouble */
    size_t rules_count;
    const char *kind; /* "ClusterRoleBinding" */
    const char *ns;   /* "" without */
    const char *name;
    bool is_component; /* about the cluster's own; @text says by what */
    const char *text;  /* access_rule_explain() */
    /* Of a RULE_FAIL of a binding: what it grants to the subjects that this is about, of a rule
     * that has is_meant() to those of them that it means; else NULL. */
    const struct grant_facts *grant;
};

/* Everything is borrowed for the call. -1 (with @err) ends it. */
typedef int (*access_finding_fn)(void *ctx, const struct access_finding *finding, struct err *err);

struct access_asked {
    size_t objects; /* bindings, roles, ServiceAccounts that were asked about */
};

/*
 * Bindings, then roles, then ServiceAccounts, each sorted by namespace and name. Of a binding both
 * kinds of subjects are asked apart, so that it may be found twice. Errors: ERR_NOMEM, or @fn's.
 */
MUST_CHECK int access_findings(const struct access_findings_question *q, access_finding_fn fn,
                               void *ctx, struct access_asked *ret_asked, struct err *err);

/* The same of one Secret or ConfigMap. */
MUST_CHECK int access_findings_of(const struct access_rule_input *in, access_finding_fn fn,
                                  void *ctx, struct err *err);

#endif

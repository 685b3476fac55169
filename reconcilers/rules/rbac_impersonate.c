#include "rampart/reconcilers/access_rule.h"

#define CONSTRAINED "authentication.k8s.io"

/*
 * The constrained verbs (since 1.36, KEP-5284) let somebody be stood in for by those alone who also
 * hold "impersonate-on:..." for what is then done. Narrowed to names they are what to use.
 */
static const struct access_right rights[] = {
    {.verbs = {"impersonate"},
     .group = "",
     .resource = "users",
     .is_cluster_scoped = true,
     .counts_named = true},
    {.verbs = {"impersonate"},
     .group = "",
     .resource = "groups",
     .is_cluster_scoped = true,
     .counts_named = true},
    {.verbs = {"impersonate"}, .group = "", .resource = "serviceaccounts", .counts_named = true},
    {.verbs = {"impersonate:user-info"},
     .group = CONSTRAINED,
     .resource = "users",
     .is_cluster_scoped = true},
    {.verbs = {"impersonate:user-info"},
     .group = CONSTRAINED,
     .resource = "groups",
     .is_cluster_scoped = true},
    {.verbs = {"impersonate:serviceaccount"}, .group = CONSTRAINED, .resource = "serviceaccounts"},
    {.verbs = {"impersonate:arbitrary-node"},
     .group = CONSTRAINED,
     .resource = "nodes",
     .is_cluster_scoped = true},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_impersonate = {
    .id = "rbac-impersonate",
    .title = "Nobody may act as somebody else",
    .standards = "CIS 5.1.8; RBAC good practices: impersonate verb",
    .remedy = "Take the verb impersonate out of the role, or narrow it by resourceNames to "
              "who may be stood in for; never to the group system:masters.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_CRITICAL,
    .rights = rights,
};

#include "rampart/reconcilers/access_rule.h"

static const struct access_right rights[] = {
    {.verbs = {"create", "update", "patch"},
     .group = "rbac.authorization.k8s.io",
     .resource = "clusterroles",
     .is_cluster_scoped = true},
    {.verbs = {"create", "update", "patch"},
     .group = "rbac.authorization.k8s.io",
     .resource = "clusterrolebindings",
     .is_cluster_scoped = true},
    {.verbs = {"create", "update", "patch"},
     .group = "rbac.authorization.k8s.io",
     .resource = "roles"},
    {.verbs = {"create", "update", "patch"},
     .group = "rbac.authorization.k8s.io",
     .resource = "rolebindings"},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_role_writers = {
    .id = "rbac-role-writers",
    .title = "Roles and bindings are written only by those who manage access",
    .standards = "Kubernetes application security checklist: RBAC",
    .remedy = "Take the right to write roles and bindings away from those who do not manage "
              "access: with it they hand their own rights on, for longer than they have them.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_MEDIUM,
    .rights = rights,
};

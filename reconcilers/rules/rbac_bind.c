#include "rampart/reconcilers/access_rule.h"

static const struct access_right rights[] = {
    {.verbs = {"bind"},
     .group = "rbac.authorization.k8s.io",
     .resource = "clusterroles",
     .counts_named = true},
    {.verbs = {"bind"},
     .group = "rbac.authorization.k8s.io",
     .resource = "roles",
     .counts_named = true},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_bind = {
    .id = "rbac-bind",
    .title = "Nobody may bind roles beyond their own rights",
    .standards = "CIS 5.1.8; RBAC good practices: bind verb",
    .remedy = "Take the verb bind out of the role, or narrow it by resourceNames to roles "
              "that are harmless.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_CRITICAL,
    .rights = rights,
};

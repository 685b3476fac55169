#include "rampart/reconcilers/access_rule.h"

static const struct access_right rights[] = {
    {.verbs = {"escalate"},
     .group = "rbac.authorization.k8s.io",
     .resource = "clusterroles",
     .is_cluster_scoped = true,
     .counts_named = true},
    {.verbs = {"escalate"},
     .group = "rbac.authorization.k8s.io",
     .resource = "roles",
     .counts_named = true},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_escalate = {
    .id = "rbac-escalate",
    .title = "Nobody may write roles beyond their own rights",
    .standards = "CIS 5.1.8; RBAC good practices: escalate verb",
    .remedy = "Take the verb escalate out of the role: without it, people hand out only what "
              "they hold.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_CRITICAL,
    .rights = rights,
};

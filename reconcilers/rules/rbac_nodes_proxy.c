#include "rampart/reconcilers/access_rule.h"

static const struct access_right rights[] = {
    {.verbs = {"get", "create", "update", "patch", "delete"},
     .group = "",
     .resource = "nodes",
     .subresource = "proxy",
     .is_cluster_scoped = true,
     .counts_named = true},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_nodes_proxy = {
    .id = "rbac-nodes-proxy",
    .title = "Nobody reaches the kubelets through the API server",
    .standards = "CIS 5.1.10; RBAC good practices: access to proxy subresource of Nodes",
    .remedy = "Take nodes/proxy out of the role: it runs commands in every pod of the node, "
              "past admission and audit; nodes/metrics, nodes/stats and nodes/log are rights "
              "of their own.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_CRITICAL,
    .rights = rights,
};

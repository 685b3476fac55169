#include "rampart/reconcilers/access_rule.h"

static const struct access_right rights[] = {
    {.verbs = {"create"}, .group = "", .resource = "pods"},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_create_pods = {
    .id = "rbac-create-pods",
    .title = "Pods are made by controllers, and not by people or workloads",
    .standards = "CIS 5.1.4; RBAC good practices: workload creation",
    .remedy = "Take create on pods out of the role, or keep what it reaches in a namespace "
              "of its own: a pod can mount any Secret, volume and ServiceAccount of its "
              "namespace.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_HIGH,
    .rights = rights,
};

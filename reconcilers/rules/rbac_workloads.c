#include "rampart/reconcilers/access_rule.h"

static const struct access_right rights[] = {
    {.verbs = {"create", "update", "patch"}, .group = "apps", .resource = "deployments"},
    {.verbs = {"create", "update", "patch"}, .group = "apps", .resource = "statefulsets"},
    {.verbs = {"create", "update", "patch"}, .group = "apps", .resource = "daemonsets"},
    {.verbs = {"create", "update", "patch"}, .group = "apps", .resource = "replicasets"},
    {.verbs = {"create", "update", "patch"}, .group = "batch", .resource = "jobs"},
    {.verbs = {"create", "update", "patch"}, .group = "batch", .resource = "cronjobs"},
    {.verbs = {"create", "update", "patch"}, .group = "", .resource = "replicationcontrollers"},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_workloads = {
    .id = "rbac-workloads",
    .title = "Workloads are written only by what deploys them",
    .standards = "CIS 5.1.4; RBAC good practices: workload creation; Kubernetes security "
                 "checklist: authorization",
    .remedy = "Leave writing workloads to what deploys them: their pods can mount any "
              "Secret, volume and ServiceAccount of the namespace.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_HIGH,
    .rights = rights,
};

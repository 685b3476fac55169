#include "rampart/reconcilers/access_rule.h"

static const struct access_right rights[] = {
    {.verbs = {"update", "patch"},
     .group = "",
     .resource = "pods",
     .subresource = "ephemeralcontainers"},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_ephemeral_containers = {
    .id = "rbac-ephemeral-containers",
    .title = "Nobody may put containers into pods that run",
    .standards = "RBAC good practices: least privilege",
    .remedy = "Take update and patch on pods/ephemeralcontainers out of the role: such a "
              "container has the ServiceAccount and network of the pod.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_HIGH,
    .rights = rights,
};

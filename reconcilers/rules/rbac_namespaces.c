#include "rampart/reconcilers/access_rule.h"

static const struct access_right rights[] = {
    {.verbs = {"update", "patch"}, .group = "", .resource = "namespaces"},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_namespaces = {
    .id = "rbac-namespaces",
    .title = "Namespaces are changed only by administrators",
    .standards = "RBAC good practices: namespace modification",
    .remedy = "Take update and patch on namespaces out of the role: labels of a namespace "
              "switch Pod Security Admission off, and select network policies and profiles.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_MEDIUM,
    .rights = rights,
};

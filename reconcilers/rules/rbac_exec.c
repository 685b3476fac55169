#include "rampart/reconcilers/access_rule.h"

/* get too: over a WebSocket it is a GET, and servers ask for create only since 1.35. */
static const struct access_right rights[] = {
    {.verbs = {"get", "create"}, .group = "", .resource = "pods", .subresource = "exec"},
    {.verbs = {"get", "create"}, .group = "", .resource = "pods", .subresource = "attach"},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_exec = {
    .id = "rbac-exec",
    .title = "Nobody may run commands in pods",
    .standards = "RBAC good practices: least privilege",
    .remedy = "Take pods/exec and pods/attach out of the role: they give the rights, Secrets "
              "and network of every pod that they reach. Debug in a namespace of its own, or "
              "for a time.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_HIGH,
    .rights = rights,
};

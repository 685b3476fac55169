#include "rampart/reconcilers/access_rule.h"

static const struct access_right rights[] = {
    {.verbs = {"get", "list", "watch"}, .group = "", .resource = "secrets"},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_secrets = {
    .id = "rbac-secrets",
    .title = "Nobody may read Secrets that the role does not name",
    .standards = "CIS 5.1.2; RBAC good practices: listing secrets",
    .remedy = "Narrow the rule to get on the Secrets that are needed, by resourceNames, or "
              "mount them: list and watch hand out the contents of all of them.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_HIGH,
    .rights = rights,
};

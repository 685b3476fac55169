#include "rampart/reconcilers/access_rule.h"

static const struct access_right rights[] = {
    {.verbs = {"create"}, .group = "", .resource = "serviceaccounts", .subresource = "token"},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_tokens = {
    .id = "rbac-tokens",
    .title = "Nobody may ask for tokens of ServiceAccounts",
    .standards = "CIS 5.1.13; RBAC good practices: token request",
    .remedy = "Take create on serviceaccounts/token out of the role, or narrow it by "
              "resourceNames to accounts that may do no more than its holder.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_HIGH,
    .rights = rights,
};

#include "rampart/reconcilers/access_rule.h"

static const struct access_right rights[] = {
    {.verbs = {"create", "update", "patch", "delete"},
     .group = "admissionregistration.k8s.io",
     .resource = "validatingwebhookconfigurations",
     .is_cluster_scoped = true,
     .counts_named = true},
    {.verbs = {"create", "update", "patch", "delete"},
     .group = "admissionregistration.k8s.io",
     .resource = "mutatingwebhookconfigurations",
     .is_cluster_scoped = true,
     .counts_named = true},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_webhook_configurations = {
    .id = "rbac-webhook-configurations",
    .title = "Admission webhooks are configured only by administrators",
    .standards = "CIS 5.1.12; RBAC good practices: control admission webhooks",
    .remedy = "Take the verbs that write webhook configurations out of the role: a webhook "
              "reads what is sent to the API server, and a mutating one changes it.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_HIGH,
    .rights = rights,
};

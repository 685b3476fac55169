#include "rampart/reconcilers/access_rule.h"

static const struct access_right rights[] = {
    {.verbs = {"update", "patch"},
     .group = "certificates.k8s.io",
     .resource = "certificatesigningrequests",
     .subresource = "approval",
     .is_cluster_scoped = true,
     .counts_named = true},
    {.verbs = {"approve"},
     .group = "certificates.k8s.io",
     .resource = "signers",
     .is_cluster_scoped = true,
     .counts_named = true},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_csr_approval = {
    .id = "rbac-csr-approval",
    .title = "Nobody may approve certificates of others",
    .standards = "CIS 5.1.11; RBAC good practices: CSRs and certificate issuing",
    .remedy = "Take update and patch on certificatesigningrequests/approval, and approve on "
              "signers, out of the role: who approves makes client certificates for any name.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_CRITICAL,
    .rights = rights,
};

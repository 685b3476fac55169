#include "rampart/reconcilers/access_rule.h"

static const struct access_right rights[] = {
    {.verbs = {"create"}, .group = "", .resource = "persistentvolumes", .is_cluster_scoped = true},
    {.resource = NULL},
};

const struct access_rule access_rule_rbac_persistent_volumes = {
    .id = "rbac-persistent-volumes",
    .title = "PersistentVolumes are created only by administrators",
    .standards = "CIS 5.1.9; RBAC good practices: persistent volume creation",
    .remedy = "Take create on persistentvolumes out of the role and leave them to "
              "provisioners: a volume of type hostPath is the node.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_HIGH,
    .rights = rights,
};

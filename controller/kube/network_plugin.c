#include "rampart/kube/network_plugin.h"

#include <stddef.h>
#include <string.h>

/* One CRD of each that its agents cannot do without. */
static const struct {
    const char *crd;
    const char *plugin;
} plugins[] = {
    {"antreaagentinfos.crd.antrea.io", "Antrea"},
    {"ciliumnetworkpolicies.cilium.io", "Cilium"},
    {"egressfirewalls.k8s.ovn.org", "OVN-Kubernetes"},
    {"felixconfigurations.crd.projectcalico.org", "Calico"},
    {"felixconfigurations.projectcalico.org", "Calico"},
    {"policyendpoints.networking.k8s.aws", "Amazon VPC CNI"},
};

const char *network_plugin_of(const char *crd_name)
{
    for (size_t i = 0; i < sizeof(plugins) / sizeof(plugins[0]); i++) {
        if (strcmp(plugins[i].crd, crd_name) == 0)
            return plugins[i].plugin;
    }
    return NULL;
}

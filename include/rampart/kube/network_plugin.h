/*
 * What the API can tell of the cluster's network plugin. NetworkPolicy objects do nothing by
 * themselves; a plugin enforces them, or does not, and no API says which one runs. Plugins that
 * enforce them bring CustomResourceDefinitions of their own, and those are seen. A plugin that
 * brings none (kube-router, for one) is not recognised, and a CRD may outlive its plugin: a hint,
 * not a proof.
 */
#ifndef RAMPART_KUBE_NETWORK_PLUGIN_H
#define RAMPART_KUBE_NETWORK_PLUGIN_H

/* "Calico" for "felixconfigurations.crd.projectcalico.org"; NULL: not one that we know. Static
 * text. */
const char *network_plugin_of(const char *crd_name);

#endif

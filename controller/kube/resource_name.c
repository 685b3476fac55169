#include "rampart/kube/resource_name.h"

#include <string.h>
#include <strings.h>

/* As `kubectl api-resources` of 1.37 lists them; of two with one name the first is meant. */
static const struct known_resource known[] = {
    {"bindings", "Binding", "", true, {NULL}},
    {"componentstatuses", "ComponentStatus", "", false, {"cs"}},
    {"configmaps", "ConfigMap", "", true, {"cm"}},
    {"endpoints", "Endpoints", "", true, {"ep"}},
    {"events", "Event", "", true, {"ev"}},
    {"limitranges", "LimitRange", "", true, {"limits"}},
    {"namespaces", "Namespace", "", false, {"ns"}},
    {"nodes", "Node", "", false, {"no"}},
    {"persistentvolumeclaims", "PersistentVolumeClaim", "", true, {"pvc"}},
    {"persistentvolumes", "PersistentVolume", "", false, {"pv"}},
    {"pods", "Pod", "", true, {"po"}},
    {"podtemplates", "PodTemplate", "", true, {NULL}},
    {"replicationcontrollers", "ReplicationController", "", true, {"rc"}},
    {"resourcequotas", "ResourceQuota", "", true, {"quota"}},
    {"secrets", "Secret", "", true, {NULL}},
    {"serviceaccounts", "ServiceAccount", "", true, {"sa"}},
    {"services", "Service", "", true, {"svc"}},
    {"mutatingadmissionpolicies",
     "MutatingAdmissionPolicy",
     "admissionregistration.k8s.io",
     false,
     {NULL}},
    {"mutatingadmissionpolicybindings",
     "MutatingAdmissionPolicyBinding",
     "admissionregistration.k8s.io",
     false,
     {NULL}},
    {"mutatingwebhookconfigurations",
     "MutatingWebhookConfiguration",
     "admissionregistration.k8s.io",
     false,
     {NULL}},
    {"validatingadmissionpolicies",
     "ValidatingAdmissionPolicy",
     "admissionregistration.k8s.io",
     false,
     {NULL}},
    {"validatingadmissionpolicybindings",
     "ValidatingAdmissionPolicyBinding",
     "admissionregistration.k8s.io",
     false,
     {NULL}},
    {"validatingwebhookconfigurations",
     "ValidatingWebhookConfiguration",
     "admissionregistration.k8s.io",
     false,
     {NULL}},
    {"customresourcedefinitions",
     "CustomResourceDefinition",
     "apiextensions.k8s.io",
     false,
     {"crd", "crds"}},
    {"apiservices", "APIService", "apiregistration.k8s.io", false, {NULL}},
    {"controllerrevisions", "ControllerRevision", "apps", true, {NULL}},
    {"daemonsets", "DaemonSet", "apps", true, {"ds"}},
    {"deployments", "Deployment", "apps", true, {"deploy"}},
    {"replicasets", "ReplicaSet", "apps", true, {"rs"}},
    {"statefulsets", "StatefulSet", "apps", true, {"sts"}},
    {"selfsubjectreviews", "SelfSubjectReview", "authentication.k8s.io", false, {NULL}},
    {"tokenreviews", "TokenReview", "authentication.k8s.io", false, {NULL}},
    {"localsubjectaccessreviews", "LocalSubjectAccessReview", "authorization.k8s.io", true, {NULL}},
    {"selfsubjectaccessreviews", "SelfSubjectAccessReview", "authorization.k8s.io", false, {NULL}},
    {"selfsubjectrulesreviews", "SelfSubjectRulesReview", "authorization.k8s.io", false, {NULL}},
    {"subjectaccessreviews", "SubjectAccessReview", "authorization.k8s.io", false, {NULL}},
    {"horizontalpodautoscalers", "HorizontalPodAutoscaler", "autoscaling", true, {"hpa"}},
    {"cronjobs", "CronJob", "batch", true, {"cj"}},
    {"jobs", "Job", "batch", true, {NULL}},
    {"certificatesigningrequests",
     "CertificateSigningRequest",
     "certificates.k8s.io",
     false,
     {"csr"}},
    {"clustertrustbundles", "ClusterTrustBundle", "certificates.k8s.io", false, {NULL}},
    {"podcertificaterequests", "PodCertificateRequest", "certificates.k8s.io", true, {NULL}},
    {"leases", "Lease", "coordination.k8s.io", true, {NULL}},
    {"endpointslices", "EndpointSlice", "discovery.k8s.io", true, {NULL}},
    {"events", "Event", "events.k8s.io", true, {"ev"}},
    {"flowschemas", "FlowSchema", "flowcontrol.apiserver.k8s.io", false, {NULL}},
    {"prioritylevelconfigurations",
     "PriorityLevelConfiguration",
     "flowcontrol.apiserver.k8s.io",
     false,
     {NULL}},
    {"ingressclasses", "IngressClass", "networking.k8s.io", false, {NULL}},
    {"ingresses", "Ingress", "networking.k8s.io", true, {"ing"}},
    {"ipaddresses", "IPAddress", "networking.k8s.io", false, {"ip"}},
    {"networkpolicies", "NetworkPolicy", "networking.k8s.io", true, {"netpol"}},
    {"servicecidrs", "ServiceCIDR", "networking.k8s.io", false, {NULL}},
    {"runtimeclasses", "RuntimeClass", "node.k8s.io", false, {NULL}},
    {"poddisruptionbudgets", "PodDisruptionBudget", "policy", true, {"pdb"}},
    {"clusterrolebindings", "ClusterRoleBinding", "rbac.authorization.k8s.io", false, {NULL}},
    {"clusterroles", "ClusterRole", "rbac.authorization.k8s.io", false, {NULL}},
    {"rolebindings", "RoleBinding", "rbac.authorization.k8s.io", true, {NULL}},
    {"roles", "Role", "rbac.authorization.k8s.io", true, {NULL}},
    {"deviceclasses", "DeviceClass", "resource.k8s.io", false, {NULL}},
    {"devicetaintrules", "DeviceTaintRule", "resource.k8s.io", false, {NULL}},
    {"resourceclaims", "ResourceClaim", "resource.k8s.io", true, {NULL}},
    {"resourceclaimtemplates", "ResourceClaimTemplate", "resource.k8s.io", true, {NULL}},
    {"resourceslices", "ResourceSlice", "resource.k8s.io", false, {NULL}},
    {"priorityclasses", "PriorityClass", "scheduling.k8s.io", false, {"pc"}},
    {"csidrivers", "CSIDriver", "storage.k8s.io", false, {NULL}},
    {"csinodes", "CSINode", "storage.k8s.io", false, {NULL}},
    {"csistoragecapacities", "CSIStorageCapacity", "storage.k8s.io", true, {NULL}},
    {"storageclasses", "StorageClass", "storage.k8s.io", false, {"sc"}},
    {"volumeattachments", "VolumeAttachment", "storage.k8s.io", false, {NULL}},
    {"volumeattributesclasses", "VolumeAttributesClass", "storage.k8s.io", false, {"vac"}},
    {"storageversionmigrations",
     "StorageVersionMigration",
     "storagemigration.k8s.io",
     false,
     {NULL}},
    /* What only rules name: whom one may impersonate, and signers of certificates. */
    {"users", "User", "", false, {NULL}},
    {"groups", "Group", "", false, {NULL}},
    {"uids", "UID", "authentication.k8s.io", false, {NULL}},
    {"userextras", "UserExtra", "authentication.k8s.io", false, {NULL}},
    {"signers", "Signer", "certificates.k8s.io", false, {NULL}},
};

#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

static bool is_called(const struct known_resource *r, const char *word)
{
    if (strcmp(r->plural, word) == 0 || strcasecmp(r->kind, word) == 0)
        return true;
    for (size_t i = 0; i < KNOWN_RESOURCE_SHORTS_MAX && r->shorts[i]; i++) {
        if (strcmp(r->shorts[i], word) == 0)
            return true;
    }
    return false;
}

const struct known_resource *known_resource_find(const char *word, const char *group)
{
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        if (is_called(&known[i], word) && (!group || strcmp(known[i].group, group) == 0))
            return &known[i];
    }
    return NULL;
}

static int refuse(const char *text, const char *why, struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "\"%.64s\" is no resource: %s; write RESOURCE[.GROUP][/SUBRESOURCE]", text, why);
}

/* Cuts @text at its first dot; what follows is the group. */
static const char *cut_group(char *text)
{
    char *dot = strchr(text, '.');

    if (!dot)
        return NULL;
    *dot = '\0';
    return dot + 1;
}

int resource_name_parse(const char *text, struct arena *a, struct resource_name *ret_name,
                        struct err *err)
{
    struct resource_name name = {.subresource = ""};
    char *resource = arena_strdup(a, text);
    char *slash;
    const char *group_after = NULL;

    if (!resource)
        return err_nomem(err);
    slash = strchr(resource, '/');
    if (slash) {
        *slash = '\0';
        group_after = cut_group(slash + 1);
        name.subresource = slash + 1;
        if (*name.subresource == '\0')
            return refuse(text, "nothing follows the slash", err);
        if (strchr(name.subresource, '/'))
            return refuse(text, "it has two slashes", err);
    }
    name.group = cut_group(resource);
    name.resource = resource;
    if (name.group && group_after)
        return refuse(text, "it has two groups", err);
    if (!name.group)
        name.group = group_after;
    if (*name.resource == '\0')
        return refuse(text, "its name is empty", err);
    *ret_name = name;
    return 0;
}

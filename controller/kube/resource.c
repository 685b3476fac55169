#include "rampart/kube/resource.h"

#include <assert.h>
#include <stddef.h>

#define KEEP(name_)     \
    {                   \
        .name = (name_) \
    }
#define PARTS(name_, children_)                  \
    {                                            \
        .name = (name_), .children = (children_) \
    }
#define END \
    {       \
        0   \
    }

/*
 * What every projection keeps besides its own fields: a watch also delivers bookmarks, whose one
 * annotation tells the end of the initial events, and a metav1.Status as the object of an ERROR
 * event.
 */
#define STATUS_COMMON KEEP("kind"), KEEP("code"), KEEP("reason"), KEEP("message"), KEEP("details")
#define META_COMMON \
    KEEP("name"), KEEP("namespace"), KEEP("uid"), KEEP("resourceVersion"), KEEP("deletionTimestamp")
#define ANNOTATION_COMMON KEEP("k8s.io/initial-events-end")

static const struct projection annotations[] = {ANNOTATION_COMMON, END};
static const struct projection metadata[] = {META_COMMON, PARTS("annotations", annotations), END};

/* ---- Namespace ---- */
static const struct projection namespace_metadata[] = {META_COMMON,
                                                       PARTS("annotations", annotations),
                                                       KEEP("labels"), END};
static const struct projection namespace_status[] = {KEEP("phase"), END};
static const struct projection namespace_keep[] = {STATUS_COMMON,
                                                   PARTS("metadata", namespace_metadata),
                                                   PARTS("status", namespace_status), END};

/* ---- SecurityProfile ---- */
static const struct projection profile_metadata[] = {META_COMMON, PARTS("annotations", annotations),
                                                     KEEP("generation"), KEEP("finalizers"), END};
static const struct projection profile_keep[] = {STATUS_COMMON, PARTS("metadata", profile_metadata),
                                                 KEEP("spec"), KEEP("status"), END};

/* ---- SecurityException ---- */
static const struct projection exception_keep[] = {STATUS_COMMON, PARTS("metadata", metadata),
                                                   KEEP("spec"), END};

/* ---- NetworkPolicy ---- */
static const struct projection netpol_annotations[] = {ANNOTATION_COMMON,
                                                       KEEP("rampart.dev/spec-hash"), END};
static const struct projection netpol_owner[] = {KEEP("apiVersion"), KEEP("kind"), KEEP("name"),
                                                 KEEP("uid"), END};
static const struct projection netpol_fields[] = {KEEP("f:spec"), END};
static const struct projection netpol_managed[] = {KEEP("manager"), KEEP("operation"), KEEP("time"),
                                                   PARTS("fieldsV1", netpol_fields), END};
static const struct projection netpol_metadata[] = {META_COMMON,
                                                    PARTS("annotations", netpol_annotations),
                                                    KEEP("labels"),
                                                    PARTS("ownerReferences", netpol_owner),
                                                    PARTS("managedFields", netpol_managed),
                                                    END};
static const struct projection netpol_keep[] = {STATUS_COMMON, PARTS("metadata", netpol_metadata),
                                                KEEP("spec"), END};

/* ---- Service ---- */
static const struct projection service_port[] = {KEEP("name"), KEEP("protocol"), KEEP("port"),
                                                 KEEP("targetPort"), END};
static const struct projection service_spec[] = {KEEP("type"),
                                                 KEEP("selector"),
                                                 KEEP("clusterIP"),
                                                 KEEP("clusterIPs"),
                                                 KEEP("externalIPs"),
                                                 KEEP("loadBalancerSourceRanges"),
                                                 PARTS("ports", service_port),
                                                 END};
static const struct projection service_keep[] = {STATUS_COMMON,
                                                 PARTS("metadata", namespace_metadata),
                                                 PARTS("spec", service_spec), END};

/* ---- EndpointSlice ---- */
static const struct projection slice_labels[] = {KEEP("kubernetes.io/service-name"), END};
static const struct projection slice_metadata[] = {META_COMMON, PARTS("annotations", annotations),
                                                   PARTS("labels", slice_labels), END};
static const struct projection slice_port[] = {KEEP("name"), KEEP("protocol"), KEEP("port"), END};
static const struct projection slice_endpoint[] = {KEEP("addresses"), END};
static const struct projection slice_keep[] = {STATUS_COMMON,
                                               PARTS("metadata", slice_metadata),
                                               KEEP("addressType"),
                                               PARTS("ports", slice_port),
                                               PARTS("endpoints", slice_endpoint),
                                               END};

/* ---- Whoever the API server calls ---- */
static const struct projection client_service[] = {KEEP("namespace"), KEEP("name"), KEEP("port"),
                                                   END};
static const struct projection client_config[] = {PARTS("service", client_service), END};
static const struct projection webhook[] = {KEEP("name"), PARTS("clientConfig", client_config),
                                            END};
static const struct projection webhook_keep[] = {STATUS_COMMON, PARTS("metadata", metadata),
                                                 PARTS("webhooks", webhook), END};

static const struct projection api_service_spec[] = {PARTS("service", client_service), END};
static const struct projection api_service_keep[] = {STATUS_COMMON, PARTS("metadata", metadata),
                                                     PARTS("spec", api_service_spec), END};

static const struct projection conversion_webhook[] = {PARTS("clientConfig", client_config), END};
static const struct projection conversion[] = {KEEP("strategy"),
                                               PARTS("webhook", conversion_webhook), END};
static const struct projection crd_spec[] = {PARTS("conversion", conversion), END};
static const struct projection crd_keep[] = {STATUS_COMMON, PARTS("metadata", metadata),
                                             PARTS("spec", crd_spec), END};

/* ---- What is scanned ---- */
static const struct projection owner[] = {KEEP("kind"), KEEP("name"), KEEP("controller"), END};
static const struct projection scanned_metadata[] = {META_COMMON, KEEP("labels"),
                                                     KEEP("annotations"),
                                                     PARTS("ownerReferences", owner), END};
static const struct projection pod_keep[] = {STATUS_COMMON, PARTS("metadata", scanned_metadata),
                                             KEEP("spec"), END};
static const struct projection job_spec[] = {KEEP("template"), END};
static const struct projection job_keep[] = {STATUS_COMMON, PARTS("metadata", scanned_metadata),
                                             PARTS("spec", job_spec), END};

static const struct resource resources[KIND_COUNT] = {
    [KIND_NAMESPACE] = {"", "v1", "namespaces", "Namespace", false, namespace_keep},
    [KIND_PROFILE] = {"rampart.dev", "v1alpha1", "securityprofiles", "SecurityProfile", false,
                      profile_keep},
    [KIND_EXCEPTION] = {"rampart.dev", "v1alpha1", "securityexceptions", "SecurityException", true,
                        exception_keep},
    [KIND_NETWORK_POLICY] = {"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true,
                             netpol_keep},
    [KIND_SERVICE] = {"", "v1", "services", "Service", true, service_keep},
    [KIND_ENDPOINT_SLICE] = {"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true,
                             slice_keep},
    [KIND_VALIDATING_WEBHOOK] = {"admissionregistration.k8s.io", "v1",
                                 "validatingwebhookconfigurations",
                                 "ValidatingWebhookConfiguration", false, webhook_keep},
    [KIND_MUTATING_WEBHOOK] = {"admissionregistration.k8s.io", "v1",
                               "mutatingwebhookconfigurations", "MutatingWebhookConfiguration",
                               false, webhook_keep},
    [KIND_API_SERVICE] = {"apiregistration.k8s.io", "v1", "apiservices", "APIService", false,
                          api_service_keep},
    [KIND_CRD] = {"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                  "CustomResourceDefinition", false, crd_keep},
    [KIND_EVENT] = {"events.k8s.io", "v1", "events", "Event", true, NULL},
    [KIND_POD] = {"", "v1", "pods", "Pod", true, pod_keep},
    [KIND_JOB] = {"batch", "v1", "jobs", "Job", true, job_keep},
};

const struct resource *resource_of(enum kind kind)
{
    assert((unsigned)kind < KIND_COUNT);
    return &resources[kind];
}

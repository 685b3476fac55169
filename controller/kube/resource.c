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
static const struct projection namespace_annotations[] = {ANNOTATION_COMMON,
                                                          KEEP("rampart.dev/pod-security"), END};
static const struct projection namespace_metadata[] = {META_COMMON,
                                                       PARTS("annotations", namespace_annotations),
                                                       KEEP("labels"), END};
static const struct projection namespace_status[] = {KEEP("phase"), END};
static const struct projection namespace_keep[] = {STATUS_COMMON,
                                                   PARTS("metadata", namespace_metadata),
                                                   PARTS("status", namespace_status), END};

/* Whose its Pod Security Admission labels are: kube/pod_security_owners.h. */
#define PSA_LABELS(prefix_)                                                         \
    KEEP(prefix_ "enforce"), KEEP(prefix_ "enforce-version"), KEEP(prefix_ "warn"), \
        KEEP(prefix_ "warn-version"), KEEP(prefix_ "audit"), KEEP(prefix_ "audit-version")
static const struct projection psa_labels[] = {PSA_LABELS("pod-security.kubernetes.io/"), END};
static const struct projection psa_label_fields[] = {PSA_LABELS("f:pod-security.kubernetes.io/"),
                                                     END};
static const struct projection owner_annotations[] = {
    KEEP("kubectl.kubernetes.io/last-applied-configuration"), END};
static const struct projection owner_metadata_fields[] = {PARTS("f:labels", psa_label_fields), END};
static const struct projection owner_fields[] = {PARTS("f:metadata", owner_metadata_fields), END};
static const struct projection owner_managed[] = {KEEP("manager"), KEEP("operation"),
                                                  KEEP("subresource"),
                                                  PARTS("fieldsV1", owner_fields), END};
static const struct projection owner_metadata[] = {KEEP("name"),
                                                   KEEP("uid"),
                                                   KEEP("resourceVersion"),
                                                   PARTS("labels", psa_labels),
                                                   PARTS("annotations", owner_annotations),
                                                   PARTS("managedFields", owner_managed),
                                                   END};
static const struct projection namespace_evidence[] = {KEEP("kind"),
                                                       PARTS("metadata", owner_metadata), END};

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
                                                       KEEP("rampart.dev/spec-hash"),
                                                       KEEP("rampart.dev/rollout"), END};
static const struct projection netpol_owner[] = {KEEP("apiVersion"), KEEP("kind"), KEEP("name"),
                                                 KEEP("uid"), END};
static const struct projection netpol_fields[] = {KEEP("f:spec"), END};
static const struct projection netpol_managed[] = {KEEP("manager"), KEEP("operation"), KEEP("time"),
                                                   PARTS("fieldsV1", netpol_fields), END};
static const struct projection netpol_metadata[] = {META_COMMON,
                                                    PARTS("annotations", netpol_annotations),
                                                    KEEP("generation"),
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
static const struct projection service_annotations[] = {ANNOTATION_COMMON,
                                                        KEEP("prometheus.io/scrape"),
                                                        KEEP("prometheus.io/port"), END};
static const struct projection service_metadata[] = {META_COMMON,
                                                     PARTS("annotations", service_annotations),
                                                     KEEP("labels"), END};
static const struct projection service_keep[] = {STATUS_COMMON, PARTS("metadata", service_metadata),
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

/* ---- Workloads ---- */
static const struct projection nothing[] = {END}; /* that it is there is all that counts */
static const struct projection handler_action[] = {KEEP("host"), END};
static const struct projection handler[] = {PARTS("httpGet", handler_action),
                                            PARTS("tcpSocket", handler_action), END};
static const struct projection lifecycle[] = {PARTS("postStart", handler),
                                              PARTS("preStop", handler), END};
static const struct projection cpu_and_memory[] = {KEEP("cpu"), KEEP("memory"), END};
static const struct projection pod_resources[] = {PARTS("requests", cpu_and_memory),
                                                  PARTS("limits", cpu_and_memory), END};
static const struct projection container_port[] = {KEEP("hostPort"), END};
static const struct projection env_source[] = {PARTS("secretKeyRef", nothing), END};
static const struct projection container_env[] = {KEEP("name"), KEEP("value"),
                                                  PARTS("valueFrom", env_source), END};
static const struct projection container_env_from[] = {PARTS("secretRef", nothing), END};
static const struct projection container[] = {KEEP("name"),
                                              KEEP("image"),
                                              KEEP("restartPolicy"),
                                              KEEP("securityContext"),
                                              PARTS("resources", pod_resources),
                                              PARTS("ports", container_port),
                                              PARTS("env", container_env),
                                              PARTS("envFrom", container_env_from),
                                              PARTS("livenessProbe", handler),
                                              PARTS("readinessProbe", handler),
                                              PARTS("startupProbe", handler),
                                              PARTS("lifecycle", lifecycle),
                                              END};
static const struct projection host_path[] = {KEEP("path"), END};
static const struct projection volume[] = {KEEP("name"),
                                           PARTS("hostPath", host_path),
                                           PARTS("configMap", nothing),
                                           PARTS("csi", nothing),
                                           PARTS("downwardAPI", nothing),
                                           PARTS("emptyDir", nothing),
                                           PARTS("ephemeral", nothing),
                                           PARTS("image", nothing),
                                           PARTS("persistentVolumeClaim", nothing),
                                           PARTS("projected", nothing),
                                           PARTS("secret", nothing),
                                           END};
static const struct projection pod_os[] = {KEEP("name"), END};
static const struct projection node_affinity[] = {
    PARTS("requiredDuringSchedulingIgnoredDuringExecution", nothing), END};
static const struct projection affinity[] = {PARTS("nodeAffinity", node_affinity), END};
static const struct projection pod_spec[] = {KEEP("securityContext"),
                                             PARTS("initContainers", container),
                                             PARTS("containers", container),
                                             PARTS("ephemeralContainers", container),
                                             PARTS("volumes", volume),
                                             KEEP("serviceAccountName"),
                                             KEEP("serviceAccount"),
                                             KEEP("automountServiceAccountToken"),
                                             KEEP("hostNetwork"),
                                             KEEP("hostPID"),
                                             KEEP("hostIPC"),
                                             KEEP("hostUsers"),
                                             PARTS("resources", pod_resources),
                                             PARTS("os", pod_os),
                                             KEEP("restartPolicy"),
                                             KEEP("runtimeClassName"),
                                             KEEP("nodeSelector"),
                                             PARTS("affinity", affinity),
                                             END};
/* Annotations of AppArmor have the containers' names in theirs: all of them stay. */
static const struct projection all_of_them[] = {KEEP("*"), END};
static const struct projection pod_metadata[] = {KEEP("labels"), PARTS("annotations", all_of_them),
                                                 END};
static const struct projection pod_template[] = {PARTS("metadata", pod_metadata),
                                                 PARTS("spec", pod_spec), END};
/* A template is the same one with and without our key: who takes back what was filled in and leaves
 * the key has not made another template. */
static const struct projection undigested_annotations[] = {KEEP("rampart.dev/fill"), END};
static const struct projection undigested_metadata[] = {PARTS("annotations",
                                                              undigested_annotations),
                                                        END};
static const struct projection undigested[] = {PARTS("metadata", undigested_metadata), END};
#define TEMPLATE PARTS("template", pod_template), PARTS("template" SLICE_DIGEST, undigested)

static const struct projection workload_annotations[] = {ANNOTATION_COMMON,
                                                         KEEP("rampart.dev/rollout"), END};
static const struct projection workload_owner[] = {KEEP("kind"), KEEP("name"), KEEP("controller"),
                                                   END};
/* Who owns a field that may be filled in; that the template is there is all that counts else. */
static const struct projection container_fields[] = {KEEP("f:securityContext"), KEEP("f:resources"),
                                                     END};
static const struct projection containers_fields[] = {PARTS("*", container_fields), END};
static const struct projection pod_fields[] = {KEEP("f:securityContext"),
                                               PARTS("f:initContainers", containers_fields),
                                               PARTS("f:containers", containers_fields), END};
static const struct projection template_fields[] = {PARTS("f:spec", pod_fields), END};
static const struct projection job_fields[] = {PARTS("f:template", template_fields), END};
static const struct projection job_template_fields[] = {PARTS("f:spec", job_fields), END};
static const struct projection workload_spec_fields[] = {
    PARTS("f:template", template_fields), PARTS("f:jobTemplate", job_template_fields), END};
static const struct projection workload_fields[] = {PARTS("f:spec", workload_spec_fields), END};
static const struct projection workload_managed[] = {KEEP("manager"), KEEP("operation"),
                                                     KEEP("time"),
                                                     PARTS("fieldsV1", workload_fields), END};
static const struct projection workload_metadata[] = {META_COMMON,
                                                      PARTS("annotations", workload_annotations),
                                                      KEEP("generation"),
                                                      KEEP("labels"),
                                                      PARTS("ownerReferences", workload_owner),
                                                      PARTS("managedFields", workload_managed),
                                                      END};

static const struct projection condition[] = {KEEP("type"), KEEP("status"), END};
static const struct projection deployment_spec[] = {KEEP("replicas"), KEEP("paused"), TEMPLATE,
                                                    END};
static const struct projection deployment_status[] = {
    KEEP("observedGeneration"), KEEP("updatedReplicas"),        KEEP("readyReplicas"),
    KEEP("availableReplicas"),  PARTS("conditions", condition), END};
static const struct projection deployment_keep[] = {STATUS_COMMON,
                                                    PARTS("metadata", workload_metadata),
                                                    PARTS("spec", deployment_spec),
                                                    PARTS("status", deployment_status), END};

static const struct projection rolling_update[] = {KEEP("partition"), END};
static const struct projection update_strategy[] = {KEEP("type"),
                                                    PARTS("rollingUpdate", rolling_update), END};
static const struct projection stateful_set_spec[] = {KEEP("replicas"), KEEP("podManagementPolicy"),
                                                      PARTS("updateStrategy", update_strategy),
                                                      TEMPLATE, END};
static const struct projection stateful_set_status[] = {
    KEEP("observedGeneration"), KEEP("updatedReplicas"), KEEP("readyReplicas"),
    KEEP("availableReplicas"),  KEEP("updateRevision"),  END};
static const struct projection stateful_set_keep[] = {STATUS_COMMON,
                                                      PARTS("metadata", workload_metadata),
                                                      PARTS("spec", stateful_set_spec),
                                                      PARTS("status", stateful_set_status), END};

static const struct projection daemon_set_spec[] = {PARTS("updateStrategy", update_strategy),
                                                    TEMPLATE, END};
static const struct projection daemon_set_status[] = {
    KEEP("observedGeneration"), KEEP("desiredNumberScheduled"), KEEP("updatedNumberScheduled"),
    KEEP("numberReady"),        KEEP("numberAvailable"),        END};
static const struct projection daemon_set_keep[] = {STATUS_COMMON,
                                                    PARTS("metadata", workload_metadata),
                                                    PARTS("spec", daemon_set_spec),
                                                    PARTS("status", daemon_set_status), END};

static const struct projection job_spec[] = {TEMPLATE, END};
static const struct projection job_template[] = {PARTS("spec", job_spec), END};
static const struct projection cron_job_spec[] = {KEEP("suspend"),
                                                  PARTS("jobTemplate", job_template), END};
/* A CronJob's status tells of its Jobs alone: what runs, what began and what came to a good end. */
static const struct projection cron_job_status[] = {PARTS("active", nothing), END};
static const struct projection cron_job_keep[] = {STATUS_COMMON,
                                                  PARTS("metadata", workload_metadata),
                                                  PARTS("spec", cron_job_spec),
                                                  PARTS("status", cron_job_status),
                                                  KEEP("status" SLICE_DIGEST),
                                                  END};

/* ---- What is scanned ---- */
static const struct projection scanned_metadata[] = {META_COMMON, KEEP("labels"),
                                                     KEEP("annotations"),
                                                     PARTS("ownerReferences", workload_owner), END};
static const struct projection pod_keep[] = {STATUS_COMMON, PARTS("metadata", scanned_metadata),
                                             PARTS("spec", pod_spec), END};
static const struct projection scanned_job_spec[] = {PARTS("template", pod_template), END};
static const struct projection job_keep[] = {STATUS_COMMON, PARTS("metadata", scanned_metadata),
                                             PARTS("spec", scanned_job_spec), END};

/* ---- Evidence of a rollout: what reconcilers/pods_evidence.h reads ---- */
static const struct projection evidence_owner[] = {KEEP("controller"), KEEP("uid"), END};
static const struct projection evidence_labels[] = {KEEP("pod-template-hash"),
                                                    KEEP("controller-revision-hash"), END};
static const struct projection evidence_annotations[] = {KEEP("deployment.kubernetes.io/revision"),
                                                         KEEP("rampart.dev/rollout"),
                                                         KEEP("rampart.dev/fill"), END};
static const struct projection evidence_metadata[] = {KEEP("name"),
                                                      KEEP("uid"),
                                                      KEEP("deletionTimestamp"),
                                                      PARTS("labels", evidence_labels),
                                                      PARTS("annotations", evidence_annotations),
                                                      PARTS("ownerReferences", evidence_owner),
                                                      END};

static const struct projection filled_annotations[] = {KEEP("rampart.dev/fill"), END};
static const struct projection filled_metadata[] = {PARTS("annotations", filled_annotations), END};
static const struct projection filled_template[] = {PARTS("metadata", filled_metadata), END};
static const struct projection revision_spec[] = {PARTS("template", filled_template), END};
static const struct projection revision_data[] = {PARTS("spec", revision_spec), END};
/* Of a ReplicaSet and a Job the template is in spec, of a ControllerRevision in data. */
static const struct projection revision_evidence[] = {
    KEEP("kind"),     PARTS("metadata", evidence_metadata), PARTS("spec", revision_spec),
    KEEP("revision"), PARTS("data", revision_data),         END};

static const struct projection pod_condition[] = {KEEP("type"), KEEP("status"),
                                                  KEEP("lastTransitionTime"), END};
static const struct projection waiting_state[] = {KEEP("reason"), KEEP("message"), END};
static const struct projection running_state[] = {KEEP("startedAt"), END};
static const struct projection container_state[] = {PARTS("waiting", waiting_state),
                                                    PARTS("running", running_state),
                                                    PARTS("terminated", waiting_state), END};
static const struct projection linux_user[] = {KEEP("uid"), END};
static const struct projection container_user[] = {PARTS("linux", linux_user), END};
static const struct projection container_status[] = {KEEP("name"),
                                                     KEEP("ready"),
                                                     KEEP("restartCount"),
                                                     PARTS("state", container_state),
                                                     PARTS("lastState", container_state),
                                                     PARTS("user", container_user),
                                                     END};
static const struct projection pod_status[] = {KEEP("phase"),
                                               KEEP("message"),
                                               PARTS("conditions", pod_condition),
                                               PARTS("initContainerStatuses", container_status),
                                               PARTS("containerStatuses", container_status),
                                               END};
static const struct projection pod_evidence[] = {KEEP("kind"), PARTS("metadata", evidence_metadata),
                                                 PARTS("status", pod_status), END};

static const struct projection budget_spec[] = {KEEP("selector"), END};
static const struct projection budget_status[] = {KEEP("disruptionsAllowed"), END};
static const struct projection budget_evidence[] = {KEEP("kind"),
                                                    PARTS("metadata", evidence_metadata),
                                                    PARTS("spec", budget_spec),
                                                    PARTS("status", budget_status), END};

/* What reconcilers/room.h reads. */
static const struct projection plain_metadata[] = {KEEP("name"), END};
static const struct projection limit_range_spec[] = {KEEP("limits"), END};
static const struct projection limit_range_evidence[] = {KEEP("kind"),
                                                         PARTS("metadata", plain_metadata),
                                                         PARTS("spec", limit_range_spec), END};
static const struct projection quota_hard[] = {KEEP("hard"), END};
static const struct projection quota_status[] = {KEEP("hard"), KEEP("used"), END};
static const struct projection quota_evidence[] = {KEEP("kind"), PARTS("metadata", plain_metadata),
                                                   PARTS("spec", quota_hard),
                                                   PARTS("status", quota_status), END};
static const struct projection autoscaler_target[] = {KEEP("kind"), KEEP("name"), END};
static const struct projection autoscaler_policy[] = {KEEP("updateMode"), END};
static const struct projection autoscaler_spec[] = {PARTS("targetRef", autoscaler_target),
                                                    PARTS("updatePolicy", autoscaler_policy), END};
static const struct projection autoscaler_evidence[] = {KEEP("kind"),
                                                        PARTS("metadata", plain_metadata),
                                                        PARTS("spec", autoscaler_spec), END};

/* ---- Ingress ---- */
static const struct projection ingress_service[] = {KEEP("name"), END};
static const struct projection ingress_backend[] = {PARTS("service", ingress_service), END};
static const struct projection ingress_path[] = {PARTS("backend", ingress_backend), END};
static const struct projection ingress_http[] = {PARTS("paths", ingress_path), END};
static const struct projection ingress_rule[] = {PARTS("http", ingress_http), END};
static const struct projection ingress_spec[] = {PARTS("defaultBackend", ingress_backend),
                                                 PARTS("rules", ingress_rule), END};
static const struct projection ingress_keep[] = {STATUS_COMMON, PARTS("metadata", metadata),
                                                 PARTS("spec", ingress_spec), END};

static const struct resource resources[KIND_COUNT] = {
    [KIND_NAMESPACE] = {"", "v1", "namespaces", "Namespace", false, namespace_keep,
                        namespace_evidence},
    [KIND_PROFILE] = {"rampart.dev", "v1alpha1", "securityprofiles", "SecurityProfile", false,
                      profile_keep, NULL},
    [KIND_EXCEPTION] = {"rampart.dev", "v1alpha1", "securityexceptions", "SecurityException", true,
                        exception_keep, NULL},
    [KIND_NETWORK_POLICY] = {"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true,
                             netpol_keep, NULL},
    [KIND_SERVICE] = {"", "v1", "services", "Service", true, service_keep, NULL},
    [KIND_ENDPOINT_SLICE] = {"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true,
                             slice_keep, NULL},
    [KIND_VALIDATING_WEBHOOK] = {"admissionregistration.k8s.io", "v1",
                                 "validatingwebhookconfigurations",
                                 "ValidatingWebhookConfiguration", false, webhook_keep, NULL},
    [KIND_MUTATING_WEBHOOK] = {"admissionregistration.k8s.io", "v1",
                               "mutatingwebhookconfigurations", "MutatingWebhookConfiguration",
                               false, webhook_keep, NULL},
    [KIND_API_SERVICE] = {"apiregistration.k8s.io", "v1", "apiservices", "APIService", false,
                          api_service_keep, NULL},
    [KIND_CRD] = {"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                  "CustomResourceDefinition", false, crd_keep, NULL},
    [KIND_DEPLOYMENT] = {"apps", "v1", "deployments", "Deployment", true, deployment_keep, NULL},
    [KIND_STATEFUL_SET] = {"apps", "v1", "statefulsets", "StatefulSet", true, stateful_set_keep,
                           NULL},
    [KIND_DAEMON_SET] = {"apps", "v1", "daemonsets", "DaemonSet", true, daemon_set_keep, NULL},
    [KIND_CRON_JOB] = {"batch", "v1", "cronjobs", "CronJob", true, cron_job_keep, NULL},
    [KIND_EVENT] = {"events.k8s.io", "v1", "events", "Event", true, NULL, NULL},
    [KIND_POD] = {"", "v1", "pods", "Pod", true, pod_keep, pod_evidence},
    [KIND_JOB] = {"batch", "v1", "jobs", "Job", true, job_keep, revision_evidence},
    [KIND_REPLICA_SET] = {"apps", "v1", "replicasets", "ReplicaSet", true, NULL, revision_evidence},
    [KIND_CONTROLLER_REVISION] = {"apps", "v1", "controllerrevisions", "ControllerRevision", true,
                                  NULL, revision_evidence},
    [KIND_POD_DISRUPTION_BUDGET] = {"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget",
                                    true, NULL, budget_evidence},
    [KIND_LIMIT_RANGE] = {"", "v1", "limitranges", "LimitRange", true, NULL, limit_range_evidence},
    [KIND_RESOURCE_QUOTA] = {"", "v1", "resourcequotas", "ResourceQuota", true, NULL,
                             quota_evidence},
    [KIND_POD_AUTOSCALER] = {"autoscaling.k8s.io", "v1", "verticalpodautoscalers",
                             "VerticalPodAutoscaler", true, NULL, autoscaler_evidence},
    [KIND_INGRESS] = {"networking.k8s.io", "v1", "ingresses", "Ingress", true, ingress_keep, NULL},
};

const struct resource *resource_of(enum kind kind)
{
    assert((unsigned)kind < KIND_COUNT);
    return &resources[kind];
}

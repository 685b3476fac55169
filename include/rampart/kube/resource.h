/*
 * The table of the API resources that Rampart reads or writes: group, version, plural, scope, what
 * is kept of each object, and how it is decoded. Adding a resource is a row here and a decoder.
 */
#ifndef RAMPART_KUBE_RESOURCE_H
#define RAMPART_KUBE_RESOURCE_H

#include <stdbool.h>

#include "rampart/json/slice.h"

enum kind {
    KIND_NAMESPACE = 0,
    KIND_PROFILE,   /* rampart.dev/v1alpha1 SecurityProfile */
    KIND_EXCEPTION, /* rampart.dev/v1alpha1 SecurityException */
    KIND_NETWORK_POLICY,
    KIND_SERVICE,
    KIND_ENDPOINT_SLICE,
    KIND_VALIDATING_WEBHOOK, /* ValidatingWebhookConfiguration */
    KIND_MUTATING_WEBHOOK,   /* MutatingWebhookConfiguration */
    KIND_API_SERVICE,
    KIND_CRD,        /* for its conversion webhook */
    KIND_DEPLOYMENT, /* the workloads, in one row: kube/workload.h */
    KIND_STATEFUL_SET,
    KIND_DAEMON_SET,
    KIND_CRON_JOB,
    KIND_WATCHED_COUNT,              /* the kinds above are watched */
    KIND_EVENT = KIND_WATCHED_COUNT, /* events.k8s.io/v1; only written */
    KIND_POD,                        /* listed by the scan, as the next one (sync/scan.h) */
    KIND_JOB,
    KIND_REPLICA_SET, /* read as evidence of a rollout (sync/evidence.h), and so are Pods and Jobs
                       */
    KIND_CONTROLLER_REVISION,
    KIND_POD_DISRUPTION_BUDGET,
    KIND_LIMIT_RANGE,
    KIND_RESOURCE_QUOTA,
    KIND_POD_AUTOSCALER, /* VerticalPodAutoscaler; its CRD may be absent */
    KIND_INGRESS, /* listed by a scan of its own while a profile is in Audit (sync/ingresses.h) */
    KIND_COUNT,
};

struct resource {
    const char *group; /* "" is the core group */
    const char *version;
    const char *plural; /* path segment */
    const char *name;   /* "NetworkPolicy", the kind in a manifest */
    bool is_namespaced;
    /* Members that the slice keeps of one object, ends in {0}; NULL for kinds that are neither
     * watched nor scanned. A watch puts it below "object": bookmarks keep their annotation, ERROR
     * events their Status (code, reason, message, details). */
    const struct projection *keep;
    /* The same where it is read as evidence; NULL for kinds that never are. */
    const struct projection *keep_evidence;
};

const struct resource *
resource_of(enum kind kind); /* static; asserts on a number that is no kind */

#endif

/*
 * What `rampart plan` says of workloads: which of them Enforce would fill in, in which order, and
 * whom it would leave alone. Their pods are not read.
 */
#ifndef RAMPART_CLI_PLAN_WORKLOADS_H
#define RAMPART_CLI_PLAN_WORKLOADS_H

#include "rampart/kube/view.h"
#include "rampart/kube/workload.h"
#include "rampart/reconcilers/harden_preview.h"

struct plan_workload {
    const struct workload_facts *workload; /* borrowed from the view */
    struct harden_preview preview;
};

/* Without those of which there is nothing to say. Sorted by profile, by when, and then as turns
 * are given: by replicas, namespace and name. */
struct plan_workloads {
    struct plan_workload *items; /* arena of the call */
    size_t count;
};

/* ERR_NOMEM. */
MUST_CHECK int plan_workloads_collect(const struct view *v, struct arena *a,
                                      struct plan_workloads *ret_workloads, struct err *err);

#endif

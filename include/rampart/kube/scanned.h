/*
 * Pods and Jobs, which are not watched but come by in a scan (sync/scan.h): the same facts as of a
 * workload (kube/workload.h), as far as rules ask for them.
 */
#ifndef RAMPART_KUBE_SCANNED_H
#define RAMPART_KUBE_SCANNED_H

#include "rampart/kube/workload.h"

/*
 * A struct workload_facts with object, pod, labels and the controller's kind and name, "" without
 * one; the rest is zero. One that was too large to be read (OBJECT_CUT) is unreadable, and so
 * evaluated as an error. ERR_INVALID for wrong metadata alone, ERR_NOMEM.
 */
MUST_CHECK int scanned_decode(enum kind kind, const json_t *root, struct arena *a,
                              struct object **ret_object, struct err *err);

#endif

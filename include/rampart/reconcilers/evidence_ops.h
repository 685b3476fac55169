/*
 * The evidence_* functions of struct harden_ops (kube/harden.h): pods_evidence.h for a runtime that
 * lists. What evidence_end gives is a struct pods_evidence. The workload is copied as far as it is
 * needed: it may change or go while its pods are listed.
 */
#ifndef RAMPART_RECONCILERS_EVIDENCE_OPS_H
#define RAMPART_RECONCILERS_EVIDENCE_OPS_H

#include "rampart/kube/harden.h"

#define EVIDENCE_SELECTOR_MAX 2048 /* bytes of a label selector: it goes into a URL */

MUST_CHECK int evidence_begin(const struct object *workload, enum harden_want want, struct arena *a,
                              void **ret_build, struct err *err);
MUST_CHECK int evidence_take(void *build, enum harden_source source, const json_t *root,
                             struct err *err);
/*
 * The labels that the controllers give to pods, with the values that the revisions tell:
 * pod-template-hash of a Deployment's, controller-revision-hash of a StatefulSet's and a
 * DaemonSet's, batch.kubernetes.io/controller-uid of a CronJob's (Kubernetes 1.27). "": there is no
 * revision, not all of them are known, or it would be longer than EVIDENCE_SELECTOR_MAX; then all
 * pods of the namespace come by, and their owners decide, as they do in any case.
 */
MUST_CHECK int evidence_select(void *build, struct arena *a, const char **ret_selector,
                               struct err *err);
MUST_CHECK int evidence_end(void *build, const void **ret_evidence, struct err *err);

#endif

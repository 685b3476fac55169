/* spec.workloads of a SecurityProfile. */
#ifndef RAMPART_KUBE_WORKLOADS_SECTION_H
#define RAMPART_KUBE_WORKLOADS_SECTION_H

#include "rampart/kube/profile.h"

/*
 * Reads member "workloads" of @spec; absent: is_stated false, everything else zero. @mode is the
 * profile's own, which the section may override. What a stated section leaves out is
 *
 *   level: restricted, version: latest, rules: [] (mode: by level, exemptible: true)
 *   fill: {runAsNonRoot: true, seccompProfile: RuntimeDefault, allowPrivilegeEscalation: false,
 *          dropCapabilities: [ALL], readOnlyRootFilesystem: false, pinObservedUser: false}
 *   rollout: {when: NextChange, maxConcurrent: 5, progressDeadlineSeconds: 300, onFailure: Revert,
 *             onUnknown: Skip, pauseAtFailuresPercent: 20}
 *
 * fill.resources {requests: {cpu, memory}, limits: {cpu, memory}} is empty by default; a request
 * over its limit is refused here, for the API server would refuse every pod that has it.
 *
 * ERR_INVALID: the message starts with "workloads." and says what to do; ERR_NOMEM.
 */
MUST_CHECK int workloads_section_decode(const json_t *spec, enum mode mode, struct arena *a,
                                        struct workloads_section *ret_section, struct err *err);
/* Whether anything is ever filled in by it: it enforces, and asks for at least one field. */
bool workloads_section_fills_in(const struct workloads_section *s);

#endif

/* spec.podSecurityAdmission of a SecurityProfile. */
#ifndef RAMPART_KUBE_POD_SECURITY_SECTION_H
#define RAMPART_KUBE_POD_SECURITY_SECTION_H

#include "rampart/kube/profile.h"

/*
 * Reads member "podSecurityAdmission" of @spec; absent: is_stated false, everything else zero.
 * @mode is the profile's own, which the section may override. A stated section has at least one of
 * enforce, warn and audit; version is "latest" and onViolation Wait where they are left out.
 * ERR_INVALID: the message starts with "podSecurityAdmission" and says what to do.
 */
MUST_CHECK int pod_security_section_decode(const json_t *spec, enum mode mode,
                                           struct pod_security_section *ret_section,
                                           struct err *err);
/* Whether labels are ever filled in by it. */
bool pod_security_section_fills_in(const struct pod_security_section *s);

#endif

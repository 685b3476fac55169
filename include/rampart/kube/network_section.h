/* spec.network of a SecurityProfile. */
#ifndef RAMPART_KUBE_NETWORK_SECTION_H
#define RAMPART_KUBE_NETWORK_SECTION_H

#include "rampart/kube/profile.h"

/*
 * Reads member "network" of @spec; absent: is_stated false. @mode is the profile's own, which the
 * section may override. ERR_INVALID: the message starts with "network." and says what to do;
 * ERR_NOMEM.
 */
MUST_CHECK int network_section_decode(const json_t *spec, enum mode mode, struct arena *a,
                                      struct network_section *ret_section, struct err *err);

#endif

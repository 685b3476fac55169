/*
 * Whose the Pod Security Admission labels of a Namespace are, as the API server tells when it is
 * read afresh. Pure.
 */
#ifndef RAMPART_KUBE_POD_SECURITY_OWNERS_H
#define RAMPART_KUBE_POD_SECURITY_OWNERS_H

#include "rampart/kube/pod_security.h"

struct pod_security_owners {
    char uid[UID_LEN_MAX + 1];
    char rv[RV_LEN_MAX + 1];
    uint8_t ours; /* by place in psa_labels */
};

/*
 * @body is the answer to a GET of the Namespace @name. A label that is there is ours when an entry
 * of managedFields with manager "rampart" and operation Update has it, no other entry has it, and
 * last-applied-configuration does not state it: `kubectl apply`, and Argo CD alike, leave no trace
 * in managedFields of a value that was there already. Where that cannot be told (the object is too
 * large, the annotation is no JSON, the server has merged our entry into another) nothing is ours.
 * ERR_INVALID: it is not that Namespace; ERR_NOMEM.
 */
MUST_CHECK int pod_security_owners_decode(const char *body, size_t len, const char *name,
                                          struct pod_security_owners *ret_owners, struct err *err);

#endif

/*
 * SecurityException (rampart.dev/v1alpha1, namespaced): which rules need not hold for which
 * workloads of its namespace, why, who says so, and until when. As with profiles, what cannot be
 * understood is kept with @invalid set: it exempts nothing.
 */
#ifndef RAMPART_KUBE_EXCEPTION_H
#define RAMPART_KUBE_EXCEPTION_H

#include "rampart/kube/object.h"

#define EXCEPTION_RULES_MAX 64
#define EXCEPTION_NAMES_MAX 64
#define EXCEPTION_CONTAINERS_MAX 64
#define EXCEPTION_REASON_MAX 1024 /* bytes */
#define EXCEPTION_AUTHOR_MAX 253

struct exception {
    struct object object;
    const char *invalid; /* NULL: fine; else what is wrong, with path and remedy; what comes before
                          * the fault stands, and exempts nothing */
    const char **rules; /* ids, sorted; at least one. "*" is refused: an exemption says from what */
    size_t rules_count;
    bool has_selector;
    struct selector selector; /* over the labels of the workload's pod template */
    const char **names;       /* of workloads, sorted; with a selector as well, both must hold */
    size_t names_count;
    const char **containers; /* sorted; count 0: all of them, and the pod itself */
    size_t containers_count;
    const char *reason;
    const char *author;
    int64_t expires_s; /* seconds since 1970, from which on it exempts nothing; INT64_MAX: never */
};

/* See object_decode(). @root is the projected SecurityException. Errors: ERR_INVALID (metadata),
 * ERR_NOMEM. */
MUST_CHECK int exception_decode(const json_t *root, struct arena *a, struct object **ret_object,
                                struct err *err);

#endif

/*
 * Resources as people write them on a command line, and what the API itself brings of them. Pure.
 */
#ifndef RAMPART_KUBE_RESOURCE_NAME_H
#define RAMPART_KUBE_RESOURCE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "rampart/base/arena.h"
#include "rampart/base/err.h"

struct resource_name {
    const char *resource;    /* as it was written: plural, singular or short */
    const char *subresource; /* "" without */
    const char *group;       /* NULL: not stated; "" is the core group */
};

/*
 * "pods", "pods/log", "deployments.apps", "deployments.apps/scale", "deployments/scale.apps";
 * "pods." states the core group. Lies in @a. ERR_INVALID (the message says what to write),
 * ERR_NOMEM.
 */
MUST_CHECK int resource_name_parse(const char *text, struct arena *a,
                                   struct resource_name *ret_name, struct err *err);

#define KNOWN_RESOURCE_SHORTS_MAX 2

/* What every API server has, but for those that are older than it or have it switched off. */
struct known_resource {
    const char *plural;
    const char *kind;
    const char *group;
    bool is_namespaced;
    const char *shorts[KNOWN_RESOURCE_SHORTS_MAX]; /* the rest is NULL */
};

/* By plural, kind (in any case) or short name; @group NULL: of any group. NULL: none. */
const struct known_resource *known_resource_find(const char *word, const char *group);

#endif

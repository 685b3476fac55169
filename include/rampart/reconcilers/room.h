/*
 * What the namespace of a workload says about requests and limits: who gives them already, and what
 * its quotas leave. Read from whole or projected objects, one at a time; what is odd in one is
 * taken for the worse. Pure.
 *
 * A LimitRange gives a resource when an item for containers or pods mentions it at all: where it
 * states no default, the API server takes its maximum or minimum for one, and what it bounds could
 * be refused. A VerticalPodAutoscaler gives all of the workload that it targets, but for mode Off.
 * https://kubernetes.io/docs/concepts/policy/limit-range/
 * https://kubernetes.io/docs/concepts/policy/resource-quotas/
 */
#ifndef RAMPART_RECONCILERS_ROOM_H
#define RAMPART_RECONCILERS_ROOM_H

#include <jansson.h>

#include "rampart/reconcilers/fill.h"

struct room {
    bool is_known;                               /* it was asked for */
    bool has_quota[FILL_RESOURCE_FLAGS_COUNT];   /* by bit of enum resource_flag ... */
    long double left[FILL_RESOURCE_FLAGS_COUNT]; /* ... what all quotas leave at least, in bytes
                                                    and cores */
    uint8_t given;                               /* enum resource_flag */
};

void room_limit_range(struct room *room, const json_t *root);
void room_quota(struct room *room, const json_t *root);
void room_autoscaler(struct room *room, const struct workload_facts *w, const json_t *root);

/*
 * Those of enum resource_flag that @fill, whole, must not bring into @w. *ret_for_quota: quotas are
 * a reason. One pod more than there are is reckoned with, for a rollout has it. A container's limit
 * without a request is its request as well, as the API server has it.
 */
uint8_t room_refuses(const struct room *room, const struct workload_facts *w,
                     const struct fill *fill, bool *ret_for_quota);

#endif

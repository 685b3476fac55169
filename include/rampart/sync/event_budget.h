/*
 * How many Events each object may cause: a token bucket an object, as client-go's
 * EventSourceObjectSpamFilter (tools/record/events_cache.go). Pure; time is a parameter.
 *
 * A bucket is one number, the time at which it is full again; a full one is not kept. Over
 * EVENT_BUDGET_OBJECTS_MAX the one that is fullest is forgotten.
 */
#ifndef RAMPART_SYNC_EVENT_BUDGET_H
#define RAMPART_SYNC_EVENT_BUDGET_H

#include <stdbool.h>

#include "rampart/base/heap.h"
#include "rampart/base/map.h"
#include "rampart/kube/plan.h"

#define EVENT_BUDGET_OBJECTS_MAX 4096

struct event_budget {
    struct map buckets;  /* by kind, namespace and name; the values are owned */
    struct heap by_full; /* all of them, the fullest first */
    uint32_t burst;      /* tokens of a full bucket */
    uint32_t refill_ms;  /* time for one more */
};

void event_budget_init(struct event_budget *b, uint32_t burst, uint32_t refill_ms);
void event_budget_done(struct event_budget *b);

/* Takes one token of the object. False: it has none, or memory is out. */
bool event_budget_take(struct event_budget *b, const struct object_ref *object, uint64_t now_ms);
size_t event_budget_objects(const struct event_budget *b); /* whose bucket is not full */

#endif

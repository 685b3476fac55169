/* events.k8s.io/v1 Event as JSON. Pure. Notes end at 1,024 bytes and never hold control characters.
 */
#ifndef RAMPART_KUBE_EVENT_H
#define RAMPART_KUBE_EVENT_H

#include "rampart/kube/plan.h"

#define EVENT_NOTE_MAX 1024
#define EVENT_CONTROLLER "rampart.dev/rampart"

struct event {
    const char *
        ns; /* where it is stored: the object's namespace, a Namespace's own name, else "default" */
    const char *name; /* unique: "<object>.<hex>" */
    struct object_ref regarding;
    struct object_ref related; /* name NULL: none */
    const char *reason;
    const char *action; /* "Reconcile", "Audit" */
    const char *note;
    const char *once; /* of the finding; NULL: none */
    bool is_warning;
    const char *instance; /* reportingInstance: the pod's name */
    int64_t wall_ms;      /* eventTime */
};

/* Where an Event about @regarding is stored. */
const char *event_namespace(const struct object_ref *regarding);

void event_write(struct strbuf *out, const struct event *event);
/* Merge patch {"series":{"count":..,"lastObservedTime":..}}. */
void event_write_series(struct strbuf *out, uint32_t count, int64_t wall_ms);

#endif

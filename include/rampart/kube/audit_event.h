/*
 * One event of an API server's audit log (audit.k8s.io/v1 Event): what was asked by whom, and
 * whether it was allowed. https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
 *
 * Pure. Texts are borrowed from the JSON that was decoded.
 */
#ifndef RAMPART_KUBE_AUDIT_EVENT_H
#define RAMPART_KUBE_AUDIT_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "rampart/base/err.h"
#include "rampart/json/slice.h"

#define AUDIT_API_VERSION "audit.k8s.io/v1"

enum audit_stage {
    AUDIT_STAGE_UNSAID = 0,  /* none, or one that is not known */
    AUDIT_REQUEST_RECEIVED,  /* nothing was decided yet */
    AUDIT_RESPONSE_STARTED,  /* of requests that last: watch, exec, log and the like */
    AUDIT_RESPONSE_COMPLETE, /* of every request that ended in order */
    AUDIT_PANIC,             /* instead of it, where the API server failed */
    AUDIT_STAGE_COUNT,
};

enum audit_decision {
    AUDIT_DECISION_UNSAID = 0,
    AUDIT_ALLOWED,
    AUDIT_FORBIDDEN,
};

struct audit_event {
    enum audit_stage stage;
    enum audit_decision decision; /* annotation authorization.k8s.io/decision */
    int code;                     /* HTTP status of the answer; 0: unsaid */
    int64_t received_ms;          /* when the request came, wall clock; AUDIT_TIME_UNSAID */
    const char *user;             /* who asked */
    bool is_impersonated;         /* it asked in somebody else's name */
    const char *verb;             /* "" when unsaid, as all texts below */
    const char *uri;              /* path and query as they were sent */
    bool is_for_resource;         /* the five below mean something */
    const char *group;            /* "" is the core group */
    const char *resource;
    const char *subresource;
    const char *ns;   /* see learn_request.h: the API server may put the body's in here */
    const char *name; /* likewise */
};

#define AUDIT_TIME_UNSAID INT64_MIN

/* What audit_event_decode() reads; with "items", "kind" and "apiVersion". For slice_new_around().
 */
extern const struct projection audit_event_keep[];

/* ERR_INVALID: the message names the member. Borrows from @root. */
MUST_CHECK int audit_event_decode(const json_t *root, struct audit_event *ret_event,
                                  struct err *err);

#endif

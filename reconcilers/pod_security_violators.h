/* Who in a namespace would be refused at a level and version of the Pod Security Standards: pod
 * templates of the caches, and Pods and Jobs one at a time. Internal to
 * reconcilers/pod_security*.c.
 */
#ifndef RAMPART_RECONCILERS_POD_SECURITY_VIOLATORS_H
#define RAMPART_RECONCILERS_POD_SECURITY_VIOLATORS_H

#include "rampart/kube/workload.h"
#include "rampart/reconcilers/pod_security.h"
#include "rampart/reconcilers/rule.h"

struct violators {
    struct arena *arena; /* borrowed; the texts lie in it */
    struct rule_settings settings;
    const char *shown[VIOLATORS_SHOWN_MAX]; /* "Deployment web (privileged, host-ports)" */
    size_t count;                           /* all of them */
};

void violators_init(struct violators *vs, uint8_t level, uint16_t minor, struct arena *a);
/* Deployments, StatefulSets, DaemonSets and CronJobs of @ns, in this order. ERR_NOMEM. */
MUST_CHECK int violators_add_templates(struct violators *vs, const struct view *v, const char *ns,
                                       struct err *err);
/* A Pod or a Job. One whose owner is among the templates that violate is not named again, and a
 * Job speaks for its Pods. ERR_NOMEM. */
MUST_CHECK int violators_add(struct violators *vs, const struct view *v,
                             const struct workload_facts *w, struct err *err);
/* "A (rule), B (rule) and 3 more"; "" for none. NULL: ERR_NOMEM. */
const char *violators_text(const struct violators *vs, struct arena *a);

#endif

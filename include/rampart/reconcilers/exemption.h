/*
 * The one function that decides whether a failing rule is exempted: for the operator, the command
 * line and whatever comes later.
 */
#ifndef RAMPART_RECONCILERS_EXEMPTION_H
#define RAMPART_RECONCILERS_EXEMPTION_H

#include "rampart/kube/exception.h"
#include "rampart/kube/profile.h"
#include "rampart/reconcilers/rule.h"

#define EXEMPTION_WARN_BEFORE_S (7 * 24 * 3600) /* a warning Event before expiry */

/* All of a namespace, sorted by name: a list in @a of what the view has. ERR_NOMEM. */
MUST_CHECK int exceptions_of(const struct view *v, const char *ns, struct arena *a,
                             const struct exception *const **ret_exceptions, size_t *ret_count,
                             struct err *err);

struct exempt_subject {
    const char *name;               /* of the workload, Pod, Job or Service */
    const struct labels *labels;    /* of the pod template; of a Service its own */
    const struct pod_template *pod; /* NULL for a Service */
};

/*
 * What is left of @answer after @exceptions (those of the subject's namespace, sorted by name): the
 * containers that no valid exception in force at @now_s covers, and the pod. Several add up. A
 * RULE_FAIL of which neither is left is exempt; its outcome stays RULE_FAIL, for it did not pass.
 *
 * An exception covers what it names: with names and a selector, both must hold; with containers,
 * these of the pod and not the pod itself, so nothing of a Service. It is in force before its
 * second of expiry and until it is being deleted. A rule that @section says may not be exempted is
 * left whole; so is an answer that is no RULE_FAIL: an error cannot be exempted.
 *
 * @ret_until_s: the first expiry of those that cover something of it: the time to ask again;
 * INT64_MAX: none will expire.
 */
struct rule_answer exempt(const struct rule *rule, const struct rule_answer *answer,
                          const struct exempt_subject *subject,
                          const struct exception *const *exceptions, size_t exceptions_count,
                          const struct workloads_section *section, int64_t now_s,
                          int64_t *ret_until_s);

#endif

/*
 * The labels of Pod Security Admission, filled in on Namespaces where nobody states them.
 *
 *   pod-security.kubernetes.io/enforce, warn, audit             the level
 *   pod-security.kubernetes.io/enforce-version, ...             the version; with the level, never
 *                                                               beside one that somebody stated
 *
 * A Namespace belongs to somebody else: a label that is stated is never changed, and one of ours
 * that somebody states otherwise is his from then on. Who takes one away twice has it (Contested)
 * until the profile's spec changes or the process ends. What is filled in is a merge patch with
 * uid and resourceVersion; the same patch puts ANNOTATION_POD_SECURITY on, so that the profile
 * that goes finds what it has to take back. Whose a label is (kube/pod_security_owners.h) is read
 * only before one of them is changed or taken away.
 *
 * enforce refuses pods. So it waits while any pod would be refused: a pod template of the caches
 * by our own rules, and whatever the API server warns of in a dry run of the very patch, which
 * looks at the pods that run. The list of who violates is ours: the server names one pod and a
 * count, and asks no template. onViolation: Enforce does without.
 */
#ifndef RAMPART_RECONCILERS_POD_SECURITY_H
#define RAMPART_RECONCILERS_POD_SECURITY_H

#include "rampart/kube/pod_security.h"
#include "rampart/kube/reconciler.h"

#define POD_SECURITY_RULE "pod-security-admission" /* of its findings */
#define POD_SECURITY_ROUNDS 2 /* times that a label is taken away until it is given up */
#define VIOLATORS_SHOWN_MAX 8 /* objects that one message names */
#define VIOLATOR_RULES_MAX 4  /* rules that it names of each */

/* See struct pod_security_ops. */
MUST_CHECK int pod_security_step(const struct view *v, const char *ns,
                                 const struct pod_security_known *known, struct plan *plan,
                                 struct pod_security_step *ret_step, struct err *err);
MUST_CHECK int pod_security_begin(const struct view *v, const char *ns, struct arena *a,
                                  void **ret_build, struct err *err);
MUST_CHECK int pod_security_take(const struct view *v, void *build, const struct object *object,
                                 struct err *err);
void pod_security_map(const struct view *v, const struct object *before, const struct object *after,
                      const struct dirty *dirty);

/*
 * For `rampart plan`: adds to @plan, the one of the namespace's network section, what step() would
 * write if the API server warned of nothing and every label of a marked Namespace were ours, and
 * its findings. ERR_NOMEM.
 */
MUST_CHECK int pod_security_preview(const struct view *v, const char *ns, struct plan *plan,
                                    struct err *err);

/* Whether labels of Namespace @ns are to be taken back when @p goes. */
bool pod_security_holds(const struct view *v, const struct profile *p,
                        const struct namespace_facts *ns);

#endif

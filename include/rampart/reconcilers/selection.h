/*
 * Which profile decides for a namespace. Among the profiles that select it and state the section,
 * the highest priority wins, ties go to the name that sorts first. The winner decides whatever its
 * mode is: a higher profile in Audit masks a lower one in Enforce.
 */
#ifndef RAMPART_RECONCILERS_SELECTION_H
#define RAMPART_RECONCILERS_SELECTION_H

#include "rampart/kube/profile.h"
#include "rampart/kube/view.h"

/* The profile that decides the network section of @ns; NULL: none. @profiles as from view_list().
 */
const struct profile *selection_network(const struct view *v, const struct object_list *profiles,
                                        const struct namespace_facts *ns);
/* The same for the workloads section. */
const struct profile *selection_workloads(const struct view *v, const struct object_list *profiles,
                                          const struct namespace_facts *ns);
/* The same for the Pod Security Admission section. */
const struct profile *selection_pod_security(const struct view *v,
                                             const struct object_list *profiles,
                                             const struct namespace_facts *ns);
/* The workloads section by the namespace's name; NULL as well for one that is not there. ERR_NOMEM.
 */
MUST_CHECK int selection_workloads_of(const struct view *v, const char *ns, struct arena *a,
                                      const struct profile **ret_profile, struct err *err);

#endif

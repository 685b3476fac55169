/*
 * Tells the cluster's own components from what people have granted. Pure.
 *
 * What the API server makes by itself, and keeps, when it starts:
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
 */
#ifndef RAMPART_RECONCILERS_ACCESS_COMPONENT_H
#define RAMPART_RECONCILERS_ACCESS_COMPONENT_H

#include "rampart/reconcilers/access_rule.h"

/*
 * What @who is as a subject of @grant, whose binding carries the label or does not
 * (@is_bootstrapped). The groups that anybody can be in (system:masters, system:authenticated,
 * system:unauthenticated, system:serviceaccounts) and system:anonymous are COMPONENT_DEFAULT where
 * Kubernetes itself binds them to that role under that name, and else COMPONENT_NONE.
 */
enum access_component access_who_component(const struct grant_facts *grant,
                                           const struct access_who *who, bool is_bootstrapped);

/*
 * Whether @rule is to take the subject for a component. Not so for what a default binding gives
 * everybody when the rule asks what that is: roles of the defaults can be written, and the API
 * server puts back what is missing from them, but takes nothing away.
 */
bool access_who_is_component(const struct access_who *who, const struct access_rule *rule);

/* COMPONENT_DEFAULT or COMPONENT_NONE, by label and name alone. @ns "": a ClusterRole. */
enum access_component access_role_component(const char *ns, const char *name, bool is_bootstrapped);

/* COMPONENT_KUBE_SYSTEM or COMPONENT_NONE. */
enum access_component access_account_component(const char *ns);

#endif

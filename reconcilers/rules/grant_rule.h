/* What the rules about grants, roles and accounts have in common; for reconcilers/ alone. */
#ifndef RAMPART_RECONCILERS_RULES_GRANT_RULE_H
#define RAMPART_RECONCILERS_RULES_GRANT_RULE_H

#include "rampart/reconcilers/access_rule.h"

#define GROUP_AUTHENTICATED "system:authenticated"
#define GROUP_UNAUTHENTICATED "system:unauthenticated"
#define GROUP_ACCOUNTS "system:serviceaccounts"     /* every ServiceAccount */
#define GROUP_ACCOUNTS_OF "system:serviceaccounts:" /* ... of one namespace */
#define USER_ANONYMOUS "system:anonymous"
#define ROLE_CLUSTER_ADMIN "cluster-admin"

/* Whether it gives all verbs on all resources, wherever it holds; also by the name of the role
 * alone. */
bool grant_gives_everything(const struct grant_facts *grant);
/* RULE_FAIL when it gives one of @rights, which end in {0}. */
enum rule_outcome grant_ask_rights(const struct grant_facts *grant,
                                   const struct access_right *rights);
/* "gives get, list secrets everywhere to User kim by ClusterRole x: {...}". */
void grant_describe_rights(const struct grant_facts *grant, const struct access_right *rights,
                           struct strbuf *text);

typedef bool (*who_fn)(const struct access_who *who);

bool grant_has_who(const struct grant_facts *grant, who_fn is_meant);
/* "User kim, Group devs and 3 more", of those that are meant (NULL: all). */
void grant_add_who(const struct grant_facts *grant, who_fn is_meant, struct strbuf *text);
void grant_add_where(const struct grant_facts *grant, struct strbuf *text); /* "everywhere" */
void grant_add_role(const struct grant_facts *grant, struct strbuf *text);  /* "Role edit" */

bool who_is_group(const struct access_who *who, const char *name);
void access_add_text(struct strbuf *text, const char *value); /* a name, made harmless */

#endif

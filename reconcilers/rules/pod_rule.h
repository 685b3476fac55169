/* What the rules about pods have in common; for reconcilers/rules/ alone. */
#ifndef RAMPART_RECONCILERS_RULES_POD_RULE_H
#define RAMPART_RECONCILERS_RULES_POD_RULE_H

#include "rampart/reconcilers/rule.h"

#define RULE_POD_ITSELF SIZE_MAX /* the @i of describe() that is no container */

/* One container, of whatever kind: whether it breaks the rule. */
typedef bool (*container_breaks_fn)(const struct rule_input *in, const struct container *c);

/* RULE_FAIL with each container that @breaks (NULL: none can) and, if @pod_breaks, the pod; else
 * RULE_PASS. */
struct rule_answer pod_rule_answer(const struct rule_input *in, bool pod_breaks,
                                   container_breaks_fn breaks);
struct rule_answer pod_rule_not_applicable(void);

/* What the pod or container @i states; @i may be RULE_POD_ITSELF. */
const struct security_context *pod_rule_context(const struct rule_input *in, size_t i);

/*
 * hostUsers: false, which since 1.35 lifts what is asked of the user and of /proc: root within is
 * nobody outside. https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/
 */
bool pod_rule_user_namespace_lifts(const struct rule_input *in);

/* Appends at most @len_max bytes of @value, whole characters, "..." after what is cut; control
 * characters and bytes that are no character as "?". */
void pod_rule_add_text(struct strbuf *text, const char *value, size_t len_max);
void pod_rule_add_value(struct strbuf *text, const char *value); /* of RULE_VALUE_SHOWN_MAX */

/* A list with commas, of which RULE_SHOWN_MAX are shown. */
struct pod_rule_list {
    struct strbuf *text;
    size_t count; /* of all that were added */
};
/* Whether the caller is to append the next one; a comma is there already. */
bool pod_rule_list_next(struct pod_rule_list *list);
void pod_rule_list_add(struct pod_rule_list *list, const char *value);
void pod_rule_list_end(const struct pod_rule_list *list); /* " and 3 more", if so many were cut */

bool confinement_confines(uint8_t confinement);    /* RuntimeDefault or Localhost */
bool confinement_is_bad(uint8_t confinement);      /* stated, and neither of them */
const char *confinement_name(uint8_t confinement); /* of a bad one */

/* Whether @value is one of the @count @words. */
bool pod_rule_is_among(const char *value, const char *const *words, size_t count);

/* What the rules of both levels ask of /proc and what they say. */
bool pod_rule_proc_mount_breaks(const struct rule_input *in, const struct container *c);
void pod_rule_describe_proc_mount(const struct rule_input *in, size_t i, struct strbuf *text);

#endif

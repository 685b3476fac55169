/* A setuid program in the container must not gain what its process does not have. The kernel of
 * Windows knows no such thing. */
#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return c->security.allow_privilege_escalation != STATED_FALSE;
}

static struct rule_answer check(const struct rule_input *in)
{
    return in->pod->is_windows ? pod_rule_not_applicable() : pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    strbuf_addf(text, "securityContext.allowPrivilegeEscalation is %s",
                pod_rule_context(in, i)->allow_privilege_escalation == STATED_TRUE ? "true"
                                                                                   : "not stated");
}

const struct rule rule_allow_privilege_escalation = {
    .id = "allow-privilege-escalation",
    .title = "No process gains more privileges than its parent",
    .standards = "PSS restricted; CIS 5.2.6; NSA/CISA",
    .remedy = "Set securityContext.allowPrivilegeEscalation to false in every container.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_RESTRICTED,
    .fix = FILL_ALLOW_PRIVILEGE_ESCALATION,
    .check = check,
    .describe = describe,
};

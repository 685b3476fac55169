/* The filter of system calls is not switched off. */
#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return confinement_is_bad(c->security.seccomp);
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, confinement_is_bad(in->pod->security.seccomp), breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    strbuf_addf(text, "securityContext.seccompProfile.type is %s",
                confinement_name(pod_rule_context(in, i)->seccomp));
}

const struct rule rule_seccomp_baseline = {
    .id = "seccomp-baseline",
    .title = "Seccomp is not switched off",
    .standards = "PSS baseline; CIS 5.6.2; NSA/CISA",
    .remedy =
        "Set securityContext.seccompProfile.type to RuntimeDefault or Localhost, or remove it.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_BASELINE,
    .overridden_by = "seccomp-restricted",
    .check = check,
    .describe = describe,
};

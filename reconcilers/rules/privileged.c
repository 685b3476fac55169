/* A privileged container is the node. */
#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return c->security.privileged == STATED_TRUE;
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)in;
    (void)i;
    strbuf_adds(text, "securityContext.privileged is true");
}

const struct rule rule_privileged = {
    .id = "privileged",
    .title = "No container is privileged",
    .standards = "PSS baseline; CIS 5.2.2; NSA/CISA",
    .remedy = "Remove securityContext.privileged from every container, or set it to false.",
    .subject = RULE_POD,
    .severity = SEVERITY_CRITICAL,
    .level = LEVEL_BASELINE,
    .check = check,
    .describe = describe,
};

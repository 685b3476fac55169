/* Nobody asks for root by its number. In a user namespace it does not matter. */
#include "pod_rule.h"

static bool is_root(const struct security_context *security)
{
    return security->has_run_as_user && security->run_as_user == 0;
}

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return is_root(&c->security);
}

static struct rule_answer check(const struct rule_input *in)
{
    if (pod_rule_user_namespace_lifts(in))
        return pod_rule_not_applicable();
    return pod_rule_answer(in, is_root(&in->pod->security), breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)in;
    (void)i;
    strbuf_adds(text, "securityContext.runAsUser is 0");
}

const struct rule rule_run_as_user = {
    .id = "run-as-user",
    .title = "No container asks for user 0",
    .standards = "PSS restricted; CIS 5.2.7; NSA/CISA",
    .remedy = "Set securityContext.runAsUser to another number than 0, or remove it.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_RESTRICTED,
    .check = check,
    .describe = describe,
};

/* The kubelet refuses to start a container as root. What the pod states counts for containers that
 * state nothing; a false anywhere counts as one, and in a user namespace it does not matter. */
#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    uint8_t stated = c->security.run_as_non_root;

    return (stated == UNSET ? in->pod->security.run_as_non_root : stated) != STATED_TRUE;
}

static struct rule_answer check(const struct rule_input *in)
{
    if (pod_rule_user_namespace_lifts(in))
        return pod_rule_not_applicable();
    return pod_rule_answer(in, in->pod->security.run_as_non_root == STATED_FALSE, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    if (pod_rule_context(in, i)->run_as_non_root == STATED_FALSE)
        strbuf_adds(text, "securityContext.runAsNonRoot is false");
    else
        strbuf_adds(text, "runAsNonRoot is true neither here nor for the pod");
}

const struct rule rule_run_as_non_root = {
    .id = "run-as-non-root",
    .title = "Containers do not run as root",
    .standards = "PSS restricted; CIS 5.2.7; NSA/CISA",
    .remedy = "Set securityContext.runAsNonRoot to true for the pod, or in every container, and to "
              "false nowhere.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_RESTRICTED,
    .fix = FILL_RUN_AS_NON_ROOT,
    .check = check,
    .describe = describe,
};

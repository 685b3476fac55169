#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    return c->role != CONTAINER_EPHEMERAL &&
           ((c->resources | in->pod->resources) & HAS_CPU_LIMIT) == 0;
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)in;
    (void)i;
    strbuf_adds(text, "resources.limits.cpu is not stated");
}

const struct rule rule_cpu_limit = {
    .id = "cpu-limit",
    .title = "Every container has a CPU limit",
    .standards = "Kubernetes security checklist: pod security; NSA/CISA: resource policies",
    .remedy =
        "State resources.limits.cpu of the container, or spec.resources.limits.cpu of the pod; "
        "leave it out, and the rule off, where throttling hurts more than a busy neighbour.",
    .subject = RULE_POD,
    .severity = SEVERITY_LOW,
    .level = LEVEL_HARDENED,
    .fix = FILL_RESOURCES,
    .check = check,
    .describe = describe,
};

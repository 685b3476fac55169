#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    return c->role != CONTAINER_EPHEMERAL &&
           ((c->resources | in->pod->resources) & HAS_MEMORY_LIMIT) == 0;
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)in;
    (void)i;
    strbuf_adds(text, "resources.limits.memory is not stated");
}

const struct rule rule_memory_limit = {
    .id = "memory-limit",
    .title = "Every container has a memory limit",
    .standards = "Kubernetes security checklist: pod security; NSA/CISA: resource policies",
    .remedy = "State resources.limits.memory of the container, or spec.resources.limits.memory of "
              "the pod.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_HARDENED,
    .fix = FILL_RESOURCES,
    .check = check,
    .describe = describe,
};

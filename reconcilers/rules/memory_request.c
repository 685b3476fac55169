#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    /* A limit without a request is the request too. */
    return c->role != CONTAINER_EPHEMERAL &&
           ((c->resources | in->pod->resources) & (HAS_MEMORY_REQUEST | HAS_MEMORY_LIMIT)) == 0;
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)in;
    (void)i;
    strbuf_adds(text, "neither a request nor a limit of memory is stated");
}

const struct rule rule_memory_request = {
    .id = "memory-request",
    .title = "Every container has a memory request",
    .standards = "Kubernetes application security checklist: application design; NSA/CISA: "
                 "resource policies",
    .remedy = "State resources.requests.memory, equal to the limit.",
    .subject = RULE_POD,
    .severity = SEVERITY_LOW,
    .level = LEVEL_HARDENED,
    .fix = FILL_RESOURCES,
    .check = check,
    .describe = describe,
};

#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return c->role != CONTAINER_EPHEMERAL && (c->resources & MEMORY_LIMIT_ABOVE_REQUEST);
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, in->pod->resources & MEMORY_LIMIT_ABOVE_REQUEST, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)in;
    (void)i;
    strbuf_adds(text, "resources.limits.memory is more than resources.requests.memory");
}

const struct rule rule_memory_limit_above_request = {
    .id = "memory-limit-above-request",
    .title = "No memory limit is above its request",
    .standards = "Kubernetes security checklist: pod security; application security checklist: "
                 "application design",
    .remedy = "Raise resources.requests.memory to the limit: what is promised twice can take the "
              "whole node out of memory.",
    .subject = RULE_POD,
    .severity = SEVERITY_LOW,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

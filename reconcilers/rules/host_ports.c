/* No port of the node is taken. */
#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return c->host_port != 0;
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    strbuf_addf(text, "ports[*].hostPort is %d", in->pod->containers[i].host_port);
}

const struct rule rule_host_ports = {
    .id = "host-ports",
    .title = "No ports of the node are taken",
    .standards = "PSS baseline; CIS 5.2.12",
    .remedy = "Remove hostPort from ports[*] of every container, and use a Service.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_BASELINE,
    .check = check,
    .describe = describe,
};

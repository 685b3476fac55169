/* The kubelet sends probes and hooks to the pod, and nowhere else: it stands where the pod's
 * network policies do not apply. */
#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return c->probe_host != NULL;
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    strbuf_adds(text, "a probe or a lifecycle hook goes to host ");
    pod_rule_add_value(text, in->pod->containers[i].probe_host);
}

const struct rule rule_host_probes = {
    .id = "host-probes",
    .title = "Probes and lifecycle hooks go to the pod itself",
    .standards = "PSS baseline since v1.34",
    .remedy = "Remove host from httpGet and tcpSocket of livenessProbe, readinessProbe, "
              "startupProbe, lifecycle.postStart and lifecycle.preStop.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_BASELINE,
    .since_minor = 34,
    .check = check,
    .describe = describe,
};

/* The Windows counterpart of privileged. */
#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return c->security.host_process == STATED_TRUE;
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, in->pod->security.host_process == STATED_TRUE, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)in;
    (void)i;
    strbuf_adds(text, "securityContext.windowsOptions.hostProcess is true");
}

const struct rule rule_windows_host_process = {
    .id = "windows-host-process",
    .title = "No container is a Windows HostProcess container",
    .standards = "PSS baseline; CIS 5.2.10",
    .remedy = "Remove securityContext.windowsOptions.hostProcess from the pod and every container, "
              "or set it to false.",
    .subject = RULE_POD,
    .severity = SEVERITY_CRITICAL,
    .level = LEVEL_BASELINE,
    .check = check,
    .describe = describe,
};

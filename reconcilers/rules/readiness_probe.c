#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return c->role == CONTAINER_MAIN && !c->has_readiness_probe;
}

static struct rule_answer check(const struct rule_input *in)
{
    if (in->pod->runs_to_completion) /* a Job's pod: nobody waits for it, its end tells how it is */
        return pod_rule_not_applicable();
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)in;
    (void)i;
    strbuf_adds(text, "readinessProbe is not stated");
}

const struct rule rule_readiness_probe = {
    .id = "readiness-probe",
    .title = "Containers get no traffic before they are ready",
    .standards = "Kubernetes application security checklist: application design",
    .remedy = "State readinessProbe of the container; a hardening that breaks it is then seen and "
              "taken back.",
    .subject = RULE_POD,
    .severity = SEVERITY_LOW,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

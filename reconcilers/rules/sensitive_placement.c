#include "pod_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    if (!in->settings->is_sensitive)
        return pod_rule_not_applicable();
    return pod_rule_answer(in, !in->pod->has_placement, NULL);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)in;
    (void)i;
    strbuf_adds(text, "the workload is marked as sensitive and neither nodeSelector nor a required "
                      "node affinity is stated");
}

const struct rule rule_sensitive_placement = {
    .id = "sensitive-placement",
    .title = "Sensitive workloads are bound to nodes of their own",
    .standards = "Kubernetes security checklist: pod placement",
    .remedy = "State spec.nodeSelector, or a required node affinity, for nodes that are kept for "
              "workloads of the same sensitivity.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

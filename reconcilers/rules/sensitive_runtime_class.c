#include "pod_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    if (!in->settings->is_sensitive)
        return pod_rule_not_applicable();
    return pod_rule_answer(in, !in->pod->has_runtime_class, NULL);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)in;
    (void)i;
    strbuf_adds(text, "the workload is marked as sensitive and runtimeClassName is not stated");
}

const struct rule rule_sensitive_runtime_class = {
    .id = "sensitive-runtime-class",
    .title = "Sensitive workloads run in a sandbox (runtimeClassName)",
    .standards = "Kubernetes security checklist: pod placement; application security checklist: "
                 "runtime classes",
    .remedy = "Set spec.runtimeClassName to a RuntimeClass that isolates more than the cluster's "
              "default, gVisor or Kata for instance.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

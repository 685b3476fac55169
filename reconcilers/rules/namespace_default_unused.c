#include <string.h>

#include "pod_rule.h"
#include "rampart/reconcilers/rules/namespace_posture.h"
#include "whole_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    if (strcmp(in->posture->name, "default") != 0)
        return pod_rule_not_applicable();
    return whole_rule_answer(in->posture->workloads_count > 0);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)i;
    strbuf_addf(text, "it has workloads, %zu of them", in->posture->workloads_count);
}

const struct rule rule_namespace_default_unused = {
    .id = "namespace-default-unused",
    .title = "No workload runs in the namespace \"default\"",
    .standards = "CIS 5.6.4, 5.6.1; NSA/CISA: namespaces",
    .remedy = "Move them into a namespace of their own: everybody who names none lands here.",
    .subject = RULE_NAMESPACE,
    .severity = SEVERITY_LOW,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

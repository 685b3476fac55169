#include <string.h>

#include "pod_rule.h"
#include "rampart/reconcilers/rules/namespace_posture.h"
#include "whole_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    const char *level = in->posture->psa_enforce;

    return whole_rule_answer(!level ||
                             (strcmp(level, "baseline") != 0 && strcmp(level, "restricted") != 0));
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)i;
    if (!in->posture->psa_enforce) {
        strbuf_adds(text, "label " LABEL_PSA_ENFORCE " is not there");
        return;
    }
    strbuf_adds(text, "label " LABEL_PSA_ENFORCE " is \"");
    pod_rule_add_value(text, in->posture->psa_enforce);
    strbuf_addc(text, '"');
}

const struct rule rule_namespace_pod_security = {
    .id = "namespace-pod-security",
    .title = "Pod Security Admission enforces a standard in the namespace",
    .standards = "Kubernetes security checklist: pod security, admission controllers; application "
                 "security checklist: pod security context; CIS 5.2.1",
    .remedy = "Label the namespace " LABEL_PSA_ENFORCE "=baseline, better restricted.",
    .subject = RULE_NAMESPACE,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

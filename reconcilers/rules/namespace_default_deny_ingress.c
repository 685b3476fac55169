#include "pod_rule.h"
#include "rampart/reconcilers/rules/namespace_posture.h"
#include "whole_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    const struct direction_posture *ingress = &in->posture->ingress;

    return whole_rule_answer(!ingress->is_denied || ingress->undone_by);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    const struct direction_posture *ingress = &in->posture->ingress;

    (void)i;
    if (!ingress->is_denied) {
        strbuf_adds(text, "no NetworkPolicy isolates all pods for ingress");
        return;
    }
    strbuf_adds(text, "NetworkPolicy ");
    pod_rule_add_value(text, ingress->undone_by);
    strbuf_adds(text, " allows all ingress and undoes the deny");
}

const struct rule rule_namespace_default_deny_ingress = {
    .id = "namespace-default-deny-ingress",
    .title = "All pods of the namespace are under a default-deny for ingress",
    .standards = "Kubernetes security checklist: network security; CIS 5.3.2; NSA/CISA: network "
                 "policies",
    .remedy =
        "Have spec.network.defaultDeny: [Ingress] in the SecurityProfile, or make a NetworkPolicy "
        "with podSelector: {} and policyTypes: [Ingress].",
    .subject = RULE_NAMESPACE,
    .severity = SEVERITY_HIGH,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

#include "pod_rule.h"
#include "rampart/reconcilers/rules/namespace_posture.h"
#include "whole_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    const struct direction_posture *egress = &in->posture->egress;

    return whole_rule_answer(!egress->is_denied || egress->undone_by);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    const struct direction_posture *egress = &in->posture->egress;

    (void)i;
    if (!egress->is_denied) {
        strbuf_adds(text, "no NetworkPolicy isolates all pods for egress");
        return;
    }
    strbuf_adds(text, "NetworkPolicy ");
    pod_rule_add_value(text, egress->undone_by);
    strbuf_adds(text, " allows all egress and undoes the deny");
}

const struct rule rule_namespace_default_deny_egress = {
    .id = "namespace-default-deny-egress",
    .title = "All pods of the namespace are under a default-deny for egress",
    .standards = "Kubernetes security checklist: network security; CIS 5.3.2; NSA/CISA: network "
                 "policies",
    .remedy =
        "Have spec.network.defaultDeny: [Egress] in the SecurityProfile, or make a NetworkPolicy "
        "with podSelector: {} and policyTypes: [Egress].",
    .subject = RULE_NAMESPACE,
    .severity = SEVERITY_HIGH,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

#include "pod_rule.h"
#include "rampart/reconcilers/rules/namespace_posture.h"
#include "whole_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    return whole_rule_answer(!in->posture->egress.is_denied || in->posture->metadata_by);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)i;
    if (!in->posture->metadata_by) {
        strbuf_adds(text, "pods that no egress policy selects reach every address");
        return;
    }
    strbuf_adds(text, "NetworkPolicy ");
    pod_rule_add_value(text, in->posture->metadata_by);
    strbuf_adds(text, " lets pods through to it");
}

const struct rule rule_namespace_metadata_api = {
    .id = "namespace-metadata-api",
    .title = "Pods do not reach the cloud's metadata API",
    .standards = "Kubernetes security checklist: network security; NSA/CISA: network policies",
    .remedy = "Deny egress by default and cut 169.254.169.254/32 and fd00:ec2::254/128 out of what "
              "is allowed: spec.network.allow.metadataAPI.deny does it for the profile's policies.",
    .subject = RULE_NAMESPACE,
    .severity = SEVERITY_HIGH,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

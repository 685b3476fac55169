#include "pod_rule.h"
#include "whole_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    if (in->service->is_exposure_unreadable)
        return (struct rule_answer){.outcome = RULE_ERROR};
    return whole_rule_answer(in->service->external_ip != NULL);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)i;
    strbuf_adds(text, "spec.externalIPs has ");
    pod_rule_add_value(text, in->service->external_ip);
}

const struct rule rule_service_external_ips = {
    .id = "service-external-ips",
    .title = "Services do not claim addresses (externalIPs)",
    .standards = "Kubernetes security checklist: network security (CVE-2020-8554)",
    .remedy = "Take spec.externalIPs out, and switch the admission plugin DenyServiceExternalIPs "
              "on: whoever may set them can take traffic of the whole cluster to any address.",
    .subject = RULE_SERVICE,
    .severity = SEVERITY_HIGH,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

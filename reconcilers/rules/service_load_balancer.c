#include "whole_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    if (in->service->is_exposure_unreadable)
        return (struct rule_answer){.outcome = RULE_ERROR};
    return whole_rule_answer(in->service->is_open_to_all);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)in;
    (void)i;
    strbuf_adds(text,
                "type LoadBalancer without loadBalancerSourceRanges that narrow who may come");
}

const struct rule rule_service_load_balancer = {
    .id = "service-load-balancer",
    .title = "Load balancers are not open to everybody",
    .standards = "Kubernetes security checklist: network security (CVE-2020-8554)",
    .remedy = "State spec.loadBalancerSourceRanges, none of them wider than /8, or use type "
              "ClusterIP behind the ingress controller; an entrance that is meant for everybody "
              "gets a SecurityException.",
    .subject = RULE_SERVICE,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

#include "pod_rule.h"

/* What the ServiceAccount says in the pod's place is not known here; the pod's own word is stronger
 * than it, and the only one that whoever reads the manifest sees. */
static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, in->pod->automount_token != STATED_FALSE, NULL);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)i;
    strbuf_addf(text, "automountServiceAccountToken is %s",
                in->pod->automount_token == STATED_TRUE ? "true" : "not stated");
}

const struct rule rule_service_account_token = {
    .id = "service-account-token",
    .title = "The pod does not mount a service-account token by itself",
    .standards = "Kubernetes security checklist: secrets; application security checklist: service "
                 "account; CIS 5.1.6; NSA/CISA: protecting pod service account tokens",
    .remedy = "Set spec.automountServiceAccountToken: false; a workload that needs the Kubernetes "
              "API gets a SecurityException that says so.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

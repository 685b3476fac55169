#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return c->secret_env != NULL;
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    strbuf_adds(text, "env ");
    pod_rule_add_value(text, in->pod->containers[i].secret_env);
    strbuf_adds(text, " has its value in the manifest");
}

const struct rule rule_secrets_in_env = {
    .id = "secrets-in-env",
    .title = "No secret stands in an environment variable of the manifest",
    .standards = "Kubernetes security checklist: secrets; CIS 5.4.1; NSA/CISA: protecting "
                 "sensitive information in pods",
    .remedy = "Put the value into a Secret, mount it as a file, and change it: whoever may read "
              "the workload has read it.",
    .subject = RULE_POD,
    .severity = SEVERITY_HIGH,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

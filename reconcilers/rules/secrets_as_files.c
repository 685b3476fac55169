#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return c->has_secret_env_ref;
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)in;
    (void)i;
    strbuf_adds(text, "env or envFrom takes a value from a Secret");
}

const struct rule rule_secrets_as_files = {
    .id = "secrets-as-files",
    .title = "Secrets are mounted as files and not handed over as environment variables",
    .standards = "CIS 5.4.1; Kubernetes security checklist: secrets",
    .remedy = "Mount the Secret as a volume in place of env.valueFrom.secretKeyRef and "
              "envFrom.secretRef: variables end up in crash dumps and in child processes.",
    .subject = RULE_POD,
    .severity = SEVERITY_LOW,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

#include <string.h>

#include "pod_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    const char *name = in->pod->service_account;

    return pod_rule_answer(in, !name || *name == '\0' || strcmp(name, "default") == 0, NULL);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    const char *name = in->pod->service_account;

    (void)i;
    strbuf_adds(text, name && *name != '\0' ? "serviceAccountName is default"
                                            : "serviceAccountName is not stated");
}

const struct rule rule_default_service_account = {
    .id = "default-service-account",
    .title = "The pod does not run as the ServiceAccount \"default\"",
    .standards = "Kubernetes application security checklist: service account; CIS 5.1.5",
    .remedy = "Make a ServiceAccount for the workload and name it in spec.serviceAccountName: "
              "rights of \"default\" are rights of every pod in the namespace that names none.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

#include <string.h>

#include "grant_rule.h"

/* Every namespace has one named default, whoever uses it. */
static enum rule_outcome check(const struct access_rule_input *in)
{
    if (strcmp(in->account->name, "default") == 0)
        return RULE_NOT_APPLICABLE;
    if (in->account->is_used)
        return RULE_PASS;
    return in->account->is_use_known ? RULE_FAIL : RULE_ERROR;
}

static void describe(const struct access_rule_input *in, struct strbuf *text)
{
    strbuf_adds(text, "no Pod and no workload runs as it");
    if (in->account->grants_count > 0)
        strbuf_addf(text, ", and %zu binding%s it", in->account->grants_count,
                    in->account->grants_count == 1 ? " names" : "s name");
}

const struct access_rule access_rule_rbac_unused_service_account = {
    .id = "rbac-unused-service-account",
    .title = "ServiceAccounts are used by a Pod or a workload",
    .standards = "RBAC good practices: periodic review; CIS 5.1.6",
    .remedy = "Delete it with its bindings; one that is used from outside of the cluster is told "
              "by its tokens, and no API says who holds those.",
    .about = ABOUT_ACCOUNT,
    .severity = SEVERITY_LOW,
    .check = check,
    .describe = describe,
};

#include "grant_rule.h"

static enum rule_outcome check(const struct access_rule_input *in)
{
    const struct grant_facts *grant = in->grant;

    if (grant_gives_everything(grant))
        return RULE_FAIL;
    switch (grant->presence) {
    case ACCESS_THERE:
        return RULE_PASS;
    case ACCESS_MISSING:
        return RULE_NOT_APPLICABLE;
    default:
        return RULE_ERROR;
    }
}

static void describe(const struct access_rule_input *in, struct strbuf *text)
{
    strbuf_adds(text, "gives every right ");
    grant_add_where(in->grant, text);
    strbuf_adds(text, " to ");
    grant_add_who(in->grant, NULL, text);
    strbuf_adds(text, " by ");
    grant_add_role(in->grant, text);
}

const struct access_rule access_rule_rbac_cluster_admin = {
    .id = "rbac-cluster-admin",
    .title = "Nobody holds every right",
    .standards = "CIS 5.1.1; RBAC good practices: least privilege",
    .remedy = "Bind a role with the rights that are needed, then remove this binding; one account "
              "for emergencies is reason enough to keep one.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_CRITICAL,
    .check = check,
    .describe = describe,
};

#include "grant_rule.h"

static enum rule_outcome check(const struct access_rule_input *in)
{
    if (in->role->is_used)
        return RULE_PASS;
    return in->role->is_use_known ? RULE_FAIL : RULE_ERROR;
}

static void describe(const struct access_rule_input *in, struct strbuf *text)
{
    (void)in;
    strbuf_adds(text, "no binding names it, and no other role takes it up");
}

const struct access_rule access_rule_rbac_unused_role = {
    .id = "rbac-unused-role",
    .title = "Roles are bound",
    .standards = "RBAC good practices: periodic review",
    .remedy = "Delete it: who may write bindings and holds its rights can hand it out unnoticed.",
    .about = ABOUT_ROLE,
    .severity = SEVERITY_LOW,
    .check = check,
    .describe = describe,
};

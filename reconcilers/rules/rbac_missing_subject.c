#include "grant_rule.h"

static bool is_missing(const struct access_who *who)
{
    return who->presence == ACCESS_MISSING;
}

static bool is_unknown(const struct access_who *who)
{
    return who->presence == ACCESS_UNKNOWN;
}

static enum rule_outcome check(const struct access_rule_input *in)
{
    if (grant_has_who(in->grant, is_missing))
        return RULE_FAIL;
    return grant_has_who(in->grant, is_unknown) ? RULE_ERROR : RULE_PASS;
}

static void describe(const struct access_rule_input *in, struct strbuf *text)
{
    strbuf_adds(text, "there is no ");
    grant_add_who(in->grant, is_missing, text);
    strbuf_adds(text, ", and whoever makes it has ");
    grant_add_role(in->grant, text);
    strbuf_addc(text, ' ');
    grant_add_where(in->grant, text);
}

const struct access_rule access_rule_rbac_missing_subject = {
    .id = "rbac-missing-subject",
    .title = "ServiceAccounts that bindings name are there",
    .standards = "RBAC good practices: periodic review",
    .remedy = "Take the subject out of the binding, or remove the binding.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_MEDIUM,
    .is_meant = is_missing,
    .check = check,
    .describe = describe,
};

#include "grant_rule.h"
#include "rampart/reconcilers/access_component.h"

/* What every API server makes is there, also where it was not read: of manifests. */
static bool is_made_by_itself(const struct grant_facts *grant)
{
    return grant->has_cluster_role &&
           access_role_component("", grant->role, true) == COMPONENT_DEFAULT;
}

static enum rule_outcome check(const struct access_rule_input *in)
{
    switch (in->grant->presence) {
    case ACCESS_THERE:
        return RULE_PASS;
    case ACCESS_MISSING:
        return RULE_FAIL;
    default:
        return is_made_by_itself(in->grant) ? RULE_PASS : RULE_ERROR;
    }
}

static void describe(const struct access_rule_input *in, struct strbuf *text)
{
    strbuf_adds(text, "there is no ");
    grant_add_role(in->grant, text);
    strbuf_adds(text, ", and whoever makes it decides what ");
    grant_add_who(in->grant, NULL, text);
    strbuf_adds(text, " may do ");
    grant_add_where(in->grant, text);
}

const struct access_rule access_rule_rbac_missing_role = {
    .id = "rbac-missing-role",
    .title = "Roles that bindings name are there",
    .standards = "RBAC good practices: periodic review",
    .remedy = "Remove the binding, or make the role.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_LOW,
    .check = check,
    .describe = describe,
};

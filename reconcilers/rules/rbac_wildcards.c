#include <string.h>

#include "grant_rule.h"

static bool is_wild(const struct rbac_rule *rule)
{
    if (rbac_list_has(&rule->verbs, RBAC_ALL) || rbac_list_has(&rule->api_groups, RBAC_ALL) ||
        rbac_list_has(&rule->non_resource_urls, RBAC_ALL))
        return true;
    for (size_t i = 0; i < rule->resources.count; i++) {
        if (rule->resources.texts[i][0] == '*')
            return true;
    }
    return false;
}

/* NULL: none is. */
static const struct rbac_rule *wild_rule(const struct role_facts *role)
{
    for (size_t i = 0; i < role->rules.count; i++) {
        if (is_wild(&role->rules.rules[i]))
            return &role->rules.rules[i];
    }
    return NULL;
}

static enum rule_outcome check(const struct access_rule_input *in)
{
    if (in->role->is_aggregate)
        return RULE_NOT_APPLICABLE;
    return wild_rule(in->role) ? RULE_FAIL : RULE_PASS;
}

static void describe(const struct access_rule_input *in, struct strbuf *text)
{
    strbuf_adds(text, "a star stands for whatever there is, and whatever there will be: ");
    rbac_rule_print(wild_rule(in->role), ACCESS_TEXTS_SHOWN_MAX, text);
}

const struct access_rule access_rule_rbac_wildcards = {
    .id = "rbac-wildcards",
    .title = "Roles name the verbs, groups and resources that they give",
    .standards = "CIS 5.1.3; RBAC good practices: least privilege",
    .remedy = "Write the verbs, apiGroups and resources that are used in place of the star.",
    .about = ABOUT_ROLE,
    .severity = SEVERITY_HIGH,
    .check = check,
    .describe = describe,
};

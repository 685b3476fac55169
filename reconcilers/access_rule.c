#include "rampart/reconcilers/access_rule.h"

#include <stdlib.h>
#include <string.h>

#include "rules/grant_rule.h"

static int compare_id(const void *id, const void *item)
{
    return strcmp(id, (*(const struct access_rule *const *)item)->id);
}

static bool is_about(const struct access_rule *rule, const struct access_rule_input *in)
{
    switch (rule->about) {
    case ABOUT_GRANT:
        return in->grant != NULL;
    case ABOUT_ROLE:
        return in->role != NULL;
    case ABOUT_ACCOUNT:
        return in->account != NULL;
    case ABOUT_SECRET:
        return in->secret != NULL;
    default:
        return in->config_map != NULL;
    }
}

/* A role that is not there gives nothing: rbac-missing-role is asked about it. */
static enum rule_outcome ask_rights(const struct access_rule *rule, const struct grant_facts *grant)
{
    if (grant_gives_everything(grant) || grant->presence == ACCESS_MISSING)
        return RULE_NOT_APPLICABLE;
    if (grant->presence == ACCESS_UNKNOWN)
        return RULE_ERROR;
    return grant_ask_rights(grant, rule->rights);
}

static void add_untold(const struct access_rule *rule, const struct access_rule_input *in,
                       struct strbuf *text)
{
    strbuf_adds(text, "cannot be told: ");
    if (in->grant && rule->is_meant) {
        strbuf_adds(text, "whether the ServiceAccounts that it names are there was not read");
    } else if (in->grant) {
        grant_add_role(in->grant, text);
        strbuf_adds(text, ", which it names, was not read");
    } else if (in->role) {
        strbuf_adds(text, "not all bindings that could name it were read");
    } else if (in->config_map) {
        access_add_text(text, in->config_map->unreadable);
    } else {
        strbuf_adds(text, "not all Pods and workloads that could name it were read");
    }
}

const char *access_about_name(enum access_about about)
{
    static const char *const names[ABOUT_COUNT] = {
        [ABOUT_GRANT] = "binding",          [ABOUT_ROLE] = "role",
        [ABOUT_ACCOUNT] = "ServiceAccount", [ABOUT_SECRET] = "Secret",
        [ABOUT_CONFIG_MAP] = "ConfigMap",
    };

    return names[about];
}

const char *access_component_name(enum access_component component)
{
    static const char *const names[COMPONENT_COUNT] = {
        [COMPONENT_NONE] = "",
        [COMPONENT_DEFAULT] = "bootstrap default",
        [COMPONENT_SYSTEM_NAME] = "name begins with system:",
        [COMPONENT_KUBE_SYSTEM] = "ServiceAccount of kube-system",
        [COMPONENT_BOUND] = "bound to components alone",
    };

    return names[component];
}

const struct access_rule *access_rule_find(const char *id)
{
    const struct access_rule *const *place =
        bsearch(id, access_rules, access_rules_count, sizeof(access_rules[0]), compare_id);

    return place ? *place : NULL;
}

enum rule_outcome access_rule_ask(const struct access_rule *rule,
                                  const struct access_rule_input *in)
{
    if (!is_about(rule, in))
        return RULE_NOT_APPLICABLE;
    if (rule->check)
        return rule->check(in);
    if (rule->rights)
        return ask_rights(rule, in->grant);
    return grant_has_who(in->grant, rule->is_meant) ? RULE_FAIL : RULE_PASS;
}

void access_rule_explain(const struct access_rule *rule, const struct access_rule_input *in,
                         enum rule_outcome outcome, struct strbuf *text)
{
    if (outcome == RULE_ERROR) {
        add_untold(rule, in, text);
        return;
    }
    if (outcome != RULE_FAIL)
        return;
    if (rule->rights)
        grant_describe_rights(in->grant, rule->rights, text);
    else
        rule->describe(in, text);
    strbuf_addf(text, "; %s", rule->remedy);
}

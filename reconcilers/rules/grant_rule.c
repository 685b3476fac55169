#include "grant_rule.h"

#include <string.h>

#include "pod_rule.h"

#define RIGHTS_SHOWN_MAX 4

/* ---- what it gives ---- */

static bool is_everything(const struct rbac_rule *rule)
{
    return rbac_list_has(&rule->verbs, RBAC_ALL) && rbac_list_has(&rule->api_groups, RBAC_ALL) &&
           rbac_list_has(&rule->resources, RBAC_ALL) && rule->resource_names.count == 0;
}

bool grant_gives_everything(const struct grant_facts *grant)
{
    if (grant->has_cluster_role && strcmp(grant->role, ROLE_CLUSTER_ADMIN) == 0)
        return true;
    for (size_t i = 0; i < grant->rules.count; i++) {
        if (is_everything(&grant->rules.rules[i]))
            return true;
    }
    return false;
}

static bool rule_gives(const struct rbac_rule *rule, const struct access_right *right,
                       const char *verb)
{
    const struct rbac_request request = {
        .verb = verb,
        .group = right->group,
        .resource = right->resource,
        .subresource = right->subresource ? right->subresource : "",
        .name = "",
    };
    struct rbac_rule asked = *rule;

    if (right->counts_named)
        asked.resource_names.count = 0;
    return rbac_rule_allows(&asked, &request);
}

/* The first rule that does; NULL: none. */
static const struct rbac_rule *giver(const struct grant_facts *grant,
                                     const struct access_right *right, const char *verb)
{
    if (right->is_cluster_scoped && !grant->is_cluster_wide)
        return NULL;
    for (size_t i = 0; i < grant->rules.count; i++) {
        if (rule_gives(&grant->rules.rules[i], right, verb))
            return &grant->rules.rules[i];
    }
    return NULL;
}

/* NULL: not with any of its verbs. */
static const struct rbac_rule *first_giver(const struct grant_facts *grant,
                                           const struct access_right *right)
{
    const struct rbac_rule *rule = NULL;

    for (size_t i = 0; right->verbs[i] && !rule; i++)
        rule = giver(grant, right, right->verbs[i]);
    return rule;
}

enum rule_outcome grant_ask_rights(const struct grant_facts *grant,
                                   const struct access_right *rights)
{
    for (; rights->resource; rights++) {
        if (first_giver(grant, rights))
            return RULE_FAIL;
    }
    return RULE_PASS;
}

/* ---- in words ---- */

static void add_right(const struct grant_facts *grant, const struct access_right *right,
                      struct strbuf *text)
{
    size_t count = 0;

    for (size_t i = 0; right->verbs[i]; i++) {
        if (giver(grant, right, right->verbs[i]))
            strbuf_addf(text, "%s%s", count++ > 0 ? ", " : "", right->verbs[i]);
    }
    strbuf_addf(text, " %s%s%s", right->resource, *right->group ? "." : "", right->group);
    if (right->subresource)
        strbuf_addf(text, "/%s", right->subresource);
}

void grant_describe_rights(const struct grant_facts *grant, const struct access_right *rights,
                           struct strbuf *text)
{
    const struct rbac_rule *shown = NULL;
    size_t count = 0;

    strbuf_adds(text, "gives ");
    for (; rights->resource; rights++) {
        const struct rbac_rule *rule = first_giver(grant, rights);

        if (!rule)
            continue;
        shown = shown ? shown : rule;
        if (count++ < RIGHTS_SHOWN_MAX) {
            strbuf_adds(text, count > 1 ? "; " : "");
            add_right(grant, rights, text);
        }
    }
    if (count > RIGHTS_SHOWN_MAX)
        strbuf_addf(text, " and %zu more", count - RIGHTS_SHOWN_MAX);
    strbuf_addc(text, ' ');
    grant_add_where(grant, text);
    strbuf_adds(text, " to ");
    grant_add_who(grant, NULL, text);
    strbuf_adds(text, " by ");
    grant_add_role(grant, text);
    strbuf_adds(text, ": ");
    rbac_rule_print(shown, ACCESS_TEXTS_SHOWN_MAX, text);
}

bool grant_has_who(const struct grant_facts *grant, who_fn is_meant)
{
    for (size_t i = 0; i < grant->who_count; i++) {
        if (is_meant(&grant->who[i]))
            return true;
    }
    return false;
}

static void add_one(const struct access_who *who, struct strbuf *text)
{
    strbuf_addf(text, "%s ", access_subject_type_name(who->type));
    if (who->type == ACCESS_SERVICE_ACCOUNT) {
        access_add_text(text, who->ns);
        strbuf_addc(text, '/');
    }
    access_add_text(text, who->name);
    if (who->component != COMPONENT_NONE)
        strbuf_addf(text, " (%s)", access_component_name(who->component));
}

void grant_add_who(const struct grant_facts *grant, who_fn is_meant, struct strbuf *text)
{
    size_t count = 0;

    for (size_t i = 0; i < grant->who_count; i++) {
        const struct access_who *who = &grant->who[i];

        if ((is_meant && !is_meant(who)) || count++ >= ACCESS_WHO_SHOWN_MAX)
            continue;
        strbuf_adds(text, count > 1 ? ", " : "");
        add_one(who, text);
    }
    if (count > ACCESS_WHO_SHOWN_MAX)
        strbuf_addf(text, " and %zu more", count - ACCESS_WHO_SHOWN_MAX);
}

void grant_add_where(const struct grant_facts *grant, struct strbuf *text)
{
    if (grant->is_cluster_wide) {
        strbuf_adds(text, "everywhere");
        return;
    }
    strbuf_adds(text, "in namespace ");
    access_add_text(text, grant->ns);
}

void grant_add_role(const struct grant_facts *grant, struct strbuf *text)
{
    strbuf_adds(text, grant->has_cluster_role ? "ClusterRole " : "Role ");
    access_add_text(text, grant->role);
}

bool who_is_group(const struct access_who *who, const char *name)
{
    return who->type == ACCESS_GROUP && strcmp(who->name, name) == 0;
}

void access_add_text(struct strbuf *text, const char *value)
{
    pod_rule_add_text(text, value, RBAC_TEXT_SHOWN_MAX);
}

#include "grant_rule.h"

static enum rule_outcome check(const struct access_rule_input *in)
{
    if (in->config_map->keys_count > 0)
        return RULE_FAIL;
    return in->config_map->unreadable ? RULE_ERROR : RULE_PASS;
}

static void describe(const struct access_rule_input *in, struct strbuf *text)
{
    strbuf_adds(text, "key ");
    access_add_text(text, in->config_map->key);
    strbuf_adds(text, " holds ");
    access_add_text(text, in->config_map->what);
    if (in->config_map->keys_count > 1)
        strbuf_addf(text, ", and %zu more key%s a credential", in->config_map->keys_count - 1,
                    in->config_map->keys_count == 2 ? " holds" : "s hold");
}

const struct access_rule access_rule_rbac_config_map_credentials = {
    .id = "rbac-config-map-credentials",
    .title = "ConfigMaps hold no credentials",
    .standards = "Kubernetes security checklist: secrets; NSA/CISA: protecting sensitive "
                 "information",
    .remedy = "Move it into a Secret and change it: whoever may read ConfigMaps has read it, and "
              "view gives that.",
    .about = ABOUT_CONFIG_MAP,
    .severity = SEVERITY_HIGH,
    .check = check,
    .describe = describe,
};

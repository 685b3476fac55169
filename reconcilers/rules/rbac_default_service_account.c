#include <string.h>

#include "grant_rule.h"

static bool is_default(const struct access_who *who)
{
    if (who->type == ACCESS_SERVICE_ACCOUNT)
        return strcmp(who->name, "default") == 0;
    return who->type == ACCESS_GROUP &&
           strncmp(who->name, GROUP_ACCOUNTS_OF, strlen(GROUP_ACCOUNTS_OF)) == 0;
}

static void describe(const struct access_rule_input *in, struct strbuf *text)
{
    strbuf_adds(text, "grants ");
    grant_add_role(in->grant, text);
    strbuf_addc(text, ' ');
    grant_add_where(in->grant, text);
    strbuf_adds(text, " to ");
    grant_add_who(in->grant, is_default, text);
    strbuf_adds(text, ": every pod of that namespace that names no ServiceAccount has it");
}

const struct access_rule access_rule_rbac_default_service_account = {
    .id = "rbac-default-service-account",
    .title = "Nothing is granted to ServiceAccounts named default",
    .standards = "CIS 5.1.5; Kubernetes application security checklist: service account",
    .remedy = "Make a ServiceAccount for the workload that needs it, name that one in the binding "
              "and in spec.serviceAccountName.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_MEDIUM,
    .is_meant = is_default,
    .describe = describe,
};

#include "grant_rule.h"

static bool is_everybody(const struct access_who *who)
{
    return who_is_group(who, GROUP_AUTHENTICATED) || who_is_group(who, GROUP_ACCOUNTS);
}

static void describe(const struct access_rule_input *in, struct strbuf *text)
{
    strbuf_adds(text, "grants ");
    grant_add_role(in->grant, text);
    strbuf_addc(text, ' ');
    grant_add_where(in->grant, text);
    strbuf_adds(text, " to ");
    grant_add_who(in->grant, is_everybody, text);
    strbuf_adds(text, ": every pod of every namespace is in it");
}

const struct access_rule access_rule_rbac_authenticated = {
    .id = "rbac-authenticated",
    .title = "Nothing is granted to everybody who is authenticated",
    .standards = "RBAC good practices: least privilege, hardening",
    .remedy = "Name in the binding who needs it; where ServiceAccounts of one namespace are meant, "
              "each of them.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_HIGH,
    .is_meant = is_everybody,
    .describe = describe,
};

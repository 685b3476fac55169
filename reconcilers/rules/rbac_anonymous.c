#include <string.h>

#include "grant_rule.h"

static bool is_anonymous(const struct access_who *who)
{
    return who_is_group(who, GROUP_UNAUTHENTICATED) ||
           (who->type == ACCESS_USER && strcmp(who->name, USER_ANONYMOUS) == 0);
}

static void describe(const struct access_rule_input *in, struct strbuf *text)
{
    strbuf_adds(text, "grants ");
    grant_add_role(in->grant, text);
    strbuf_addc(text, ' ');
    grant_add_where(in->grant, text);
    strbuf_adds(text, " to ");
    grant_add_who(in->grant, is_anonymous, text);
    strbuf_adds(text, ": whoever reaches the API server, without any credential");
}

const struct access_rule access_rule_rbac_anonymous = {
    .id = "rbac-anonymous",
    .title = "Nothing is granted to callers who are not authenticated",
    .standards = "RBAC good practices: hardening; Kubernetes application security checklist: RBAC",
    .remedy = "Take the subject out of the binding; what probes need is open by the default "
              "system:public-info-viewer.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_CRITICAL,
    .is_meant = is_anonymous,
    .describe = describe,
};

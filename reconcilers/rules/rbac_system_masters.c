#include "grant_rule.h"

static bool is_masters(const struct access_who *who)
{
    return who_is_group(who, ACCESS_GROUP_MASTERS);
}

static void describe(const struct access_rule_input *in, struct strbuf *text)
{
    strbuf_adds(text, "names ");
    grant_add_who(in->grant, is_masters, text);
    strbuf_adds(text, ", which holds every right past RBAC, and that no binding can take away");
}

const struct access_rule access_rule_rbac_system_masters = {
    .id = "rbac-system-masters",
    .title = "Nothing is granted to the group system:masters",
    .standards = "CIS 5.1.7; Kubernetes security checklist: authentication and authorization",
    .remedy = "Take the subject out of the binding, and make certificates for people without this "
              "group: only a new certificate authority takes it back.",
    .about = ABOUT_GRANT,
    .severity = SEVERITY_CRITICAL,
    .is_meant = is_masters,
    .describe = describe,
};

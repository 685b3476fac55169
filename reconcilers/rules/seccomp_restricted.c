/* System calls are filtered: by what the container states, else by what the pod does. There are no
 * such filters on Windows. */
#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    uint8_t stated = c->security.seccomp;

    return !confinement_confines(stated == CONFINEMENT_UNSET ? in->pod->security.seccomp : stated);
}

static struct rule_answer check(const struct rule_input *in)
{
    if (in->pod->is_windows)
        return pod_rule_not_applicable();
    return pod_rule_answer(in, confinement_is_bad(in->pod->security.seccomp), breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    uint8_t stated = pod_rule_context(in, i)->seccomp;

    if (stated == CONFINEMENT_UNSET)
        strbuf_adds(text, "no seccomp profile is in force, from here or from the pod");
    else
        strbuf_addf(text, "securityContext.seccompProfile.type is %s", confinement_name(stated));
}

const struct rule rule_seccomp_restricted = {
    .id = "seccomp-restricted",
    .title = "System calls are filtered",
    .standards = "PSS restricted; CIS 5.6.2; NSA/CISA",
    .remedy = "Set securityContext.seccompProfile.type to RuntimeDefault or Localhost for the pod, "
              "or in every container, and to nothing else anywhere.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_RESTRICTED,
    .fix = FILL_SECCOMP,
    .check = check,
    .describe = describe,
};

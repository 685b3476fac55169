/* Only capabilities that container runtimes give by default may be added; written exactly so,
 * without CAP_. */
#include "pod_rule.h"

static bool is_default(const char *capability)
{
    static const char *const defaults[] = {
        "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER",  "FSETID", "KILL",       "MKNOD",
        "NET_BIND_SERVICE", "SETFCAP", "SETGID",       "SETPCAP", "SETUID", "SYS_CHROOT",
    };

    return pod_rule_is_among(capability, defaults, sizeof(defaults) / sizeof(defaults[0]));
}

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    for (size_t i = 0; i < c->security.add_count; i++)
        if (!is_default(c->security.add[i]))
            return true;
    return false;
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    const struct security_context *security = pod_rule_context(in, i);
    struct pod_rule_list list = {.text = text};

    strbuf_adds(text, "securityContext.capabilities.add has ");
    for (size_t n = 0; n < security->add_count; n++)
        if (!is_default(security->add[n]))
            pod_rule_list_add(&list, security->add[n]);
    pod_rule_list_end(&list);
}

const struct rule rule_capabilities_baseline = {
    .id = "capabilities-baseline",
    .title = "No capabilities beyond the default ones are added",
    .standards = "PSS baseline; CIS 5.2.9",
    .remedy = "Remove from securityContext.capabilities.add what is not a default capability.",
    .subject = RULE_POD,
    .severity = SEVERITY_HIGH,
    .level = LEVEL_BASELINE,
    .overridden_by = "capabilities-restricted",
    .check = check,
    .describe = describe,
};

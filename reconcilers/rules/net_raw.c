#include <string.h>
#include <strings.h>

#include "pod_rule.h"

/* Runtimes take names in any case, with and without the prefix. */
static bool gives_net_raw(const char *capability)
{
    if (strncasecmp(capability, "CAP_", 4) == 0)
        capability += 4;
    return strcasecmp(capability, "NET_RAW") == 0 || strcasecmp(capability, "ALL") == 0;
}

static const char *added(const struct container *c)
{
    for (size_t i = 0; i < c->security.add_count; i++) {
        if (gives_net_raw(c->security.add[i]))
            return c->security.add[i];
    }
    return NULL;
}

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return !c->security.drops_net_raw || added(c);
}

static struct rule_answer check(const struct rule_input *in)
{
    if (in->pod->is_windows)
        return pod_rule_not_applicable();
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    const char *name = added(&in->pod->containers[i]);

    if (!name) {
        strbuf_adds(text, "capabilities.drop has neither NET_RAW nor ALL");
        return;
    }
    strbuf_adds(text, "capabilities.add has ");
    pod_rule_add_value(text, name);
}

const struct rule rule_net_raw = {
    .id = "net-raw",
    .title = "Containers cannot forge packets (NET_RAW)",
    .standards = "CIS 5.2.8",
    .remedy = "Set securityContext.capabilities.drop: [ALL] and do not add NET_RAW back.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_HARDENED,
    .fix = FILL_DROP_CAPABILITIES,
    .check = check,
    .describe = describe,
};

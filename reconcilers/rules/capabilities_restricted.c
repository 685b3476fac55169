/* Every container drops ALL capabilities, by this very word, and takes back at most the one for low
 * ports. */
#include "pod_rule.h"

#include <string.h>

static bool may_be_added(const char *capability)
{
    return strcmp(capability, "NET_BIND_SERVICE") == 0;
}

static bool adds_too_much(const struct security_context *security)
{
    for (size_t i = 0; i < security->add_count; i++)
        if (!may_be_added(security->add[i]))
            return true;
    return false;
}

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return !c->security.drops_all || adds_too_much(&c->security);
}

static struct rule_answer check(const struct rule_input *in)
{
    return in->pod->is_windows ? pod_rule_not_applicable() : pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    const struct security_context *security = pod_rule_context(in, i);
    struct pod_rule_list list = {.text = text};

    if (!security->drops_all)
        strbuf_adds(text, "securityContext.capabilities.drop does not have ALL");
    if (!adds_too_much(security))
        return;
    strbuf_addf(text, "%ssecurityContext.capabilities.add has ",
                security->drops_all ? "" : " and ");
    for (size_t n = 0; n < security->add_count; n++)
        if (!may_be_added(security->add[n]))
            pod_rule_list_add(&list, security->add[n]);
    pod_rule_list_end(&list);
}

const struct rule rule_capabilities_restricted = {
    .id = "capabilities-restricted",
    .title = "All capabilities are dropped, but for NET_BIND_SERVICE",
    .standards = "PSS restricted; CIS 5.2.9",
    .remedy = "Set securityContext.capabilities.drop to [ALL] in every container, and add nothing "
              "but NET_BIND_SERVICE.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_RESTRICTED,
    .fix = FILL_DROP_CAPABILITIES,
    .check = check,
    .describe = describe,
};

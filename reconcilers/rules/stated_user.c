#include "pod_rule.h"

static const struct security_context *effective(const struct rule_input *in,
                                                const struct container *c)
{
    return c->security.has_run_as_user ? &c->security : &in->pod->security;
}

static bool breaks(const struct rule_input *in, const struct container *c)
{
    const struct security_context *context = effective(in, c);

    return c->role != CONTAINER_EPHEMERAL &&
           (!context->has_run_as_user || context->run_as_user <= 0);
}

static struct rule_answer check(const struct rule_input *in)
{
    /* In a user namespace of its own, root is nobody on the node. */
    if (in->pod->is_windows || in->pod->host_users == STATED_FALSE)
        return pod_rule_not_applicable();
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    const struct security_context *context = effective(in, &in->pod->containers[i]);

    strbuf_addf(text, "runAsUser is %s", context->has_run_as_user ? "0" : "not stated");
}

const struct rule rule_stated_user = {
    .id = "stated-user",
    .title = "Containers run as a stated user other than root",
    .standards = "Kubernetes application security checklist: pod security context; "
                 "CIS 5.2.7; NSA/CISA: non-root containers",
    .remedy =
        "State securityContext.runAsUser, over 0, of the pod or the container: what the image "
        "says may change with the image.",
    .subject = RULE_POD,
    .severity = SEVERITY_LOW,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

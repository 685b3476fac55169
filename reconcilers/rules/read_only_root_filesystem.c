#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return c->role != CONTAINER_EPHEMERAL && c->security.read_only_root_filesystem != STATED_TRUE;
}

static struct rule_answer check(const struct rule_input *in)
{
    if (in->pod->is_windows) /* the runtime there has no such thing */
        return pod_rule_not_applicable();
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    bool is_stated = in->pod->containers[i].security.read_only_root_filesystem != UNSET;

    strbuf_addf(text, "securityContext.readOnlyRootFilesystem is %s",
                is_stated ? "false" : "not stated");
}

const struct rule rule_read_only_root_filesystem = {
    .id = "read-only-root-filesystem",
    .title = "Containers cannot write to their root filesystem",
    .standards = "Kubernetes application security checklist: container security context; NSA/CISA: "
                 "immutable container file systems; CIS 5.6.3",
    .remedy = "Set securityContext.readOnlyRootFilesystem: true and mount an emptyDir where the "
              "container has to write.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_HARDENED,
    .fix = FILL_READ_ONLY_ROOT,
    .check = check,
    .describe = describe,
};

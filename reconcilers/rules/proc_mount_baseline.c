/* What the runtime hides of /proc stays hidden, but in a user namespace. */
#include "pod_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    if (pod_rule_user_namespace_lifts(in))
        return pod_rule_not_applicable();
    return pod_rule_answer(in, false, pod_rule_proc_mount_breaks);
}

const struct rule rule_proc_mount_baseline = {
    .id = "proc-mount-baseline",
    .title = "What is masked in /proc stays masked, but in a user namespace",
    .standards = "PSS baseline",
    .remedy = "Remove securityContext.procMount from every container, or set it to Default.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_BASELINE,
    .overridden_by = "proc-mount-restricted",
    .check = check,
    .describe = pod_rule_describe_proc_mount,
};

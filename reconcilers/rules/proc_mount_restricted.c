/* What the runtime hides of /proc stays hidden, in a user namespace too. Before v1.35 the baseline
 * asked the same. */
#include "pod_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, false, pod_rule_proc_mount_breaks);
}

const struct rule rule_proc_mount_restricted = {
    .id = "proc-mount-restricted",
    .title = "What is masked in /proc stays masked",
    .standards = "PSS restricted since v1.35",
    .remedy = "Remove securityContext.procMount from every container, or set it to Default.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_RESTRICTED,
    .since_minor = 35,
    .check = check,
    .describe = pod_rule_describe_proc_mount,
};

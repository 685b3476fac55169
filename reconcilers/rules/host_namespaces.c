/* The pod does not share the node's network, processes or inter-process communication. */
#include "pod_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    const struct pod_template *pod = in->pod;

    return pod_rule_answer(in,
                           pod->host_network == STATED_TRUE || pod->host_pid == STATED_TRUE ||
                               pod->host_ipc == STATED_TRUE,
                           NULL);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    struct pod_rule_list list = {.text = text};

    (void)i;
    if (in->pod->host_network == STATED_TRUE)
        pod_rule_list_add(&list, "hostNetwork is true");
    if (in->pod->host_pid == STATED_TRUE)
        pod_rule_list_add(&list, "hostPID is true");
    if (in->pod->host_ipc == STATED_TRUE)
        pod_rule_list_add(&list, "hostIPC is true");
}

const struct rule rule_host_namespaces = {
    .id = "host-namespaces",
    .title = "The node's namespaces are not shared",
    .standards = "PSS baseline; CIS 5.2.3, 5.2.4, 5.2.5; NSA/CISA",
    .remedy = "Remove hostNetwork, hostPID and hostIPC from the pod spec, or set them to false.",
    .subject = RULE_POD,
    .severity = SEVERITY_HIGH,
    .level = LEVEL_BASELINE,
    .check = check,
    .describe = describe,
};

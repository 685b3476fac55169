/* No file of the node is mounted. */
#include "pod_rule.h"

static struct rule_answer check(const struct rule_input *in)
{
    for (size_t i = 0; i < in->pod->volumes_count; i++)
        if (in->pod->volumes[i].kind == VOLUME_HOST_PATH)
            return pod_rule_answer(in, true, NULL);
    return pod_rule_answer(in, false, NULL);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    struct pod_rule_list list = {.text = text};

    (void)i;
    strbuf_adds(text, "volumes of type hostPath: ");
    for (size_t n = 0; n < in->pod->volumes_count; n++) {
        const struct volume *volume = &in->pod->volumes[n];

        if (volume->kind != VOLUME_HOST_PATH || !pod_rule_list_next(&list))
            continue;
        pod_rule_add_value(text, volume->name);
        strbuf_adds(text, " of ");
        pod_rule_add_value(text, volume->path);
    }
    pod_rule_list_end(&list);
}

const struct rule rule_host_path_volumes = {
    .id = "host-path-volumes",
    .title = "No files of the node are mounted",
    .standards = "PSS baseline; CIS 5.2.11; NSA/CISA",
    .remedy = "Take another volume type than hostPath in volumes[*].",
    .subject = RULE_POD,
    .severity = SEVERITY_HIGH,
    .level = LEVEL_BASELINE,
    .overridden_by = "restricted-volumes",
    .check = check,
    .describe = describe,
};

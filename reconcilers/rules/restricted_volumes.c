/* Volumes are of a type that is known to be harmless; a type that is not known is not. */
#include "pod_rule.h"

/* The projection keeps no volume of another type than those that are refused. */
static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, in->pod->volumes_count > 0, NULL);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    struct pod_rule_list list = {.text = text};

    (void)i;
    strbuf_adds(text, "volumes of other types: ");
    for (size_t n = 0; n < in->pod->volumes_count; n++) {
        const struct volume *volume = &in->pod->volumes[n];

        if (!pod_rule_list_next(&list))
            continue;
        pod_rule_add_value(text, volume->name);
        if (volume->kind == VOLUME_HOST_PATH)
            strbuf_adds(text, " (hostPath)");
    }
    pod_rule_list_end(&list);
}

const struct rule rule_restricted_volumes = {
    .id = "restricted-volumes",
    .title = "Only volume types that reach nothing outside of the pod's claims",
    .standards = "PSS restricted; CIS 5.2.11",
    .remedy = "Take configMap, csi, downwardAPI, emptyDir, ephemeral, image, "
              "persistentVolumeClaim, projected or secret in volumes[*].",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_RESTRICTED,
    .check = check,
    .describe = describe,
};

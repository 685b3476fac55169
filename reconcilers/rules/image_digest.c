#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return !c->image_has_digest;
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    (void)in;
    (void)i;
    strbuf_adds(text, "the image is named without a digest");
}

const struct rule rule_image_digest = {
    .id = "image-digest",
    .title = "Images are named by their digest",
    .standards = "Kubernetes security checklist: images; CIS 5.5.1",
    .remedy = "Write the image as name@sha256:..., which whoever controls the registry cannot "
              "change.",
    .subject = RULE_POD,
    .severity = SEVERITY_LOW,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

#include "pod_rule.h"

static bool breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return !c->image_has_digest && c->image_tag != IMAGE_TAG_OTHER; /* a digest outweighs a tag */
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    strbuf_adds(text, in->pod->containers[i].image_tag == IMAGE_TAG_LATEST
                          ? "the image's tag is latest"
                          : "the image has no tag, which means latest");
}

const struct rule rule_image_tag = {
    .id = "image-tag",
    .title = "Images have a tag other than latest",
    .standards = "Kubernetes security checklist: images",
    .remedy = "Name a version in image, or better its digest: what latest means changes without "
              "notice, and differs between nodes.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

/* AppArmor may be confined by a profile of the node, not switched off: by the field, or by the
 * annotation that was there before it. An annotation is its container's, and the pod's where it
 * names none. */
#include "pod_rule.h"

#include <string.h>

static bool annotation_breaks(const struct app_armor_annotation *annotation)
{
    static const char localhost[] = "localhost/";

    return *annotation->value && strcmp(annotation->value, "runtime/default") != 0 &&
           strncmp(annotation->value, localhost, sizeof(localhost) - 1) != 0;
}

static bool has_container(const struct pod_template *pod, const char *name)
{
    for (size_t i = 0; i < pod->containers_count; i++)
        if (strcmp(pod->containers[i].name, name) == 0)
            return true;
    return false;
}

/* The first bad annotation of container @name, or with NULL of no container that is there. */
static const struct app_armor_annotation *bad_annotation(const struct pod_template *pod,
                                                         const char *name)
{
    for (size_t i = 0; i < pod->app_armor_count; i++) {
        const struct app_armor_annotation *annotation = &pod->app_armor[i];
        bool is_meant = name ? strcmp(annotation->container, name) == 0
                             : !has_container(pod, annotation->container);

        if (is_meant && annotation_breaks(annotation))
            return annotation;
    }
    return NULL;
}

static bool breaks(const struct rule_input *in, const struct container *c)
{
    return confinement_is_bad(c->security.app_armor) || bad_annotation(in->pod, c->name);
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in,
                           confinement_is_bad(in->pod->security.app_armor) ||
                               bad_annotation(in->pod, NULL),
                           breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    uint8_t stated = pod_rule_context(in, i)->app_armor;

    if (confinement_is_bad(stated)) {
        strbuf_addf(text, "securityContext.appArmorProfile.type is %s", confinement_name(stated));
        return;
    }
    strbuf_adds(text, "an AppArmor annotation says ");
    pod_rule_add_value(
        text,
        bad_annotation(in->pod, i == RULE_POD_ITSELF ? NULL : in->pod->containers[i].name)->value);
}

const struct rule rule_app_armor_profile = {
    .id = "app-armor-profile",
    .title = "AppArmor is not switched off",
    .standards = "PSS baseline; NSA/CISA",
    .remedy = "Set securityContext.appArmorProfile.type to RuntimeDefault or Localhost, or remove "
              "it, and remove the annotations container.apparmor.security.beta.kubernetes.io/*.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_BASELINE,
    .check = check,
    .describe = describe,
};

#include <string.h>

#include "pod_rule.h"

#define SE_LINUX_UNCONFINED "spc_t" /* the type of containers that SELinux leaves alone */

static bool is_confinement(unsigned app_armor)
{
    return app_armor == CONFINEMENT_RUNTIME_DEFAULT || app_armor == CONFINEMENT_LOCALHOST;
}

/* Of the annotation by which AppArmor was asked for before 1.30. */
static bool annotation_confines(const struct rule_input *in, const struct container *c)
{
    for (size_t i = 0; i < in->pod->app_armor_count; i++) {
        const struct app_armor_annotation *annotation = &in->pod->app_armor[i];

        if (strcmp(annotation->container, c->name) == 0)
            return strcmp(annotation->value, "runtime/default") == 0 ||
                   strncmp(annotation->value, "localhost/", strlen("localhost/")) == 0;
    }
    return false;
}

static bool app_armor_confines(const struct rule_input *in, const struct container *c)
{
    if (c->security.app_armor != CONFINEMENT_UNSET)
        return is_confinement(c->security.app_armor);
    if (in->pod->security.app_armor != CONFINEMENT_UNSET)
        return is_confinement(in->pod->security.app_armor);
    return annotation_confines(in, c);
}

static bool se_linux_confines(const struct rule_input *in, const struct container *c)
{
    const struct se_linux *options =
        c->security.se_linux ? c->security.se_linux : in->pod->security.se_linux;

    return options && options->type && *options->type != '\0' &&
           strcmp(options->type, SE_LINUX_UNCONFINED) != 0;
}

static bool breaks(const struct rule_input *in, const struct container *c)
{
    return c->role != CONTAINER_EPHEMERAL && !app_armor_confines(in, c) &&
           !se_linux_confines(in, c);
}

static struct rule_answer check(const struct rule_input *in)
{
    if (in->pod->is_windows)
        return pod_rule_not_applicable();
    return pod_rule_answer(in, false, breaks);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    const struct container *c = &in->pod->containers[i];
    bool is_unconfined = c->security.app_armor == CONFINEMENT_UNCONFINED ||
                         (c->security.app_armor == CONFINEMENT_UNSET &&
                          in->pod->security.app_armor == CONFINEMENT_UNCONFINED);

    strbuf_adds(text, is_unconfined
                          ? "appArmorProfile.type is Unconfined"
                          : "neither appArmorProfile nor seLinuxOptions.type confines it");
}

const struct rule rule_mandatory_access_control = {
    .id = "mandatory-access-control",
    .title = "Containers are confined by AppArmor or SELinux",
    .standards = "Kubernetes security checklist: pod security; application security checklist: "
                 "Linux container security; NSA/CISA: hardening with security services; CIS 5.6.3",
    .remedy = "Set securityContext.appArmorProfile.type: RuntimeDefault (1.30 and later), or "
              "seLinuxOptions.type on nodes with SELinux.",
    .subject = RULE_POD,
    .severity = SEVERITY_LOW,
    .level = LEVEL_HARDENED,
    .check = check,
    .describe = describe,
};

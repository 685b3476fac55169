/* SELinux types are those for containers; user and role are the runtime's to say. */
#include "pod_rule.h"

#define MINOR_ENGINE_TYPE 31

static bool type_is_allowed(const char *type, unsigned minor)
{
    static const char *const types[] = {
        "container_t", "container_init_t", "container_kvm_t",
        "container_engine_t", /* the last one */
    };
    size_t count = sizeof(types) / sizeof(types[0]);

    return pod_rule_is_among(type, types, minor >= MINOR_ENGINE_TYPE ? count : count - 1);
}

/* The API does not tell "" from what is not stated. */
static bool is_stated(const char *text)
{
    return text && *text;
}

static bool type_breaks(const struct rule_input *in, const struct se_linux *options)
{
    return is_stated(options->type) && !type_is_allowed(options->type, in->settings->pss_minor);
}

static bool context_breaks(const struct rule_input *in, const struct security_context *security)
{
    const struct se_linux *options = security->se_linux;

    return options &&
           (type_breaks(in, options) || is_stated(options->user) || is_stated(options->role));
}

static bool breaks(const struct rule_input *in, const struct container *c)
{
    return context_breaks(in, &c->security);
}

static struct rule_answer check(const struct rule_input *in)
{
    return pod_rule_answer(in, context_breaks(in, &in->pod->security), breaks);
}

static void add(struct pod_rule_list *list, const char *name, const char *value)
{
    (void)pod_rule_list_next(list);
    strbuf_addf(list->text, "%s is ", name);
    pod_rule_add_value(list->text, value);
}

static void describe(const struct rule_input *in, size_t i, struct strbuf *text)
{
    const struct se_linux *options = pod_rule_context(in, i)->se_linux;
    struct pod_rule_list list = {.text = text};

    if (type_breaks(in, options))
        add(&list, "securityContext.seLinuxOptions.type", options->type);
    if (is_stated(options->user))
        add(&list, "securityContext.seLinuxOptions.user", options->user);
    if (is_stated(options->role))
        add(&list, "securityContext.seLinuxOptions.role", options->role);
}

const struct rule rule_se_linux_options = {
    .id = "se-linux-options",
    .title = "SELinux options are those for containers",
    .standards = "PSS baseline; NSA/CISA",
    .remedy =
        "Set securityContext.seLinuxOptions.type to container_t, container_init_t, container_kvm_t "
        "or (since v1.31) container_engine_t, or remove it, and remove its user and role.",
    .subject = RULE_POD,
    .severity = SEVERITY_MEDIUM,
    .level = LEVEL_BASELINE,
    .check = check,
    .describe = describe,
};

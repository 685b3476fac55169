#include "pod_rule.h"

#include <assert.h>
#include <string.h>

#include "rampart/base/utf8.h"

#define MINOR_USER_NAMESPACES 35

struct rule_answer pod_rule_answer(const struct rule_input *in, bool pod_breaks,
                                   container_breaks_fn breaks)
{
    struct rule_answer answer = {.is_about_pod = pod_breaks};

    assert(in->pod->containers_count <= POD_CONTAINERS_MAX);
    for (size_t i = 0; breaks && i < in->pod->containers_count; i++)
        if (breaks(in, &in->pod->containers[i]))
            answer.containers |= (uint64_t)1 << i;
    answer.outcome = pod_breaks || answer.containers ? RULE_FAIL : RULE_PASS;
    return answer;
}

struct rule_answer pod_rule_not_applicable(void)
{
    return (struct rule_answer){.outcome = RULE_NOT_APPLICABLE};
}

const struct security_context *pod_rule_context(const struct rule_input *in, size_t i)
{
    return i == RULE_POD_ITSELF ? &in->pod->security : &in->pod->containers[i].security;
}

bool pod_rule_user_namespace_lifts(const struct rule_input *in)
{
    return in->settings->pss_minor >= MINOR_USER_NAMESPACES && in->pod->host_users == STATED_FALSE;
}

void pod_rule_add_text(struct strbuf *text, const char *value, size_t len_max)
{
    size_t len = strlen(value);
    size_t at = 0;

    while (at < len) {
        uint32_t code;
        size_t size = utf8_char(value + at, len - at, &code);
        size_t step = size > 0 ? size : 1;

        if (at + step > len_max)
            break;
        if (size == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0))
            strbuf_addc(text, '?');
        else
            strbuf_add(text, value + at, size);
        at += step;
    }
    if (at < len)
        strbuf_adds(text, "...");
}

void pod_rule_add_value(struct strbuf *text, const char *value)
{
    pod_rule_add_text(text, value, RULE_VALUE_SHOWN_MAX);
}

bool pod_rule_list_next(struct pod_rule_list *list)
{
    if (list->count++ >= RULE_SHOWN_MAX)
        return false;
    if (list->count > 1)
        strbuf_adds(list->text, ", ");
    return true;
}

void pod_rule_list_add(struct pod_rule_list *list, const char *value)
{
    if (pod_rule_list_next(list))
        pod_rule_add_value(list->text, value);
}

void pod_rule_list_end(const struct pod_rule_list *list)
{
    if (list->count > RULE_SHOWN_MAX)
        strbuf_addf(list->text, " and %zu more", list->count - RULE_SHOWN_MAX);
}

bool confinement_confines(uint8_t confinement)
{
    return confinement == CONFINEMENT_RUNTIME_DEFAULT || confinement == CONFINEMENT_LOCALHOST;
}

bool confinement_is_bad(uint8_t confinement)
{
    return confinement != CONFINEMENT_UNSET && !confinement_confines(confinement);
}

const char *confinement_name(uint8_t confinement)
{
    return confinement == CONFINEMENT_UNCONFINED ? "Unconfined" : "an unknown type";
}

bool pod_rule_is_among(const char *value, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(value, words[i]) == 0)
            return true;
    return false;
}

bool pod_rule_proc_mount_breaks(const struct rule_input *in, const struct container *c)
{
    (void)in;
    return c->security.proc_mount == PROC_MOUNT_UNMASKED ||
           c->security.proc_mount == PROC_MOUNT_OTHER;
}

void pod_rule_describe_proc_mount(const struct rule_input *in, size_t i, struct strbuf *text)
{
    strbuf_addf(text, "securityContext.procMount is %s",
                pod_rule_context(in, i)->proc_mount == PROC_MOUNT_UNMASKED ? "Unmasked"
                                                                           : "an unknown word");
}

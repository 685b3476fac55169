#include "rampart/reconcilers/rule.h"

#include <stdlib.h>
#include <string.h>

#include "rules/pod_rule.h"

#define UNREADABLE_SHOWN_MAX 512 /* bytes */

static int compare_id(const void *id, const void *item)
{
    return strcmp(id, (*(const struct rule *const *)item)->id);
}

static const struct rule *const *find(const char *id)
{
    return bsearch(id, rules, rules_count, sizeof(rules[0]), compare_id);
}

static bool has_subject(const struct rule *rule, const struct rule_input *in)
{
    switch (rule->subject) {
    case RULE_POD:
        return in->pod != NULL;
    case RULE_SERVICE:
        return in->service != NULL;
    default:
        return in->posture != NULL;
    }
}

static bool is_in_version(const struct rule *rule, const struct rule_settings *settings)
{
    return rule->since_minor <= settings->pss_minor;
}

/* Pod Security Admission asks the stricter one alone, and that lets such a pod through. */
static bool is_waived(const struct rule *rule, const struct rule_input *in)
{
    const struct rule *other = rule->overridden_by ? rule_find(rule->overridden_by) : NULL;

    return other && other->level <= in->settings->level && is_in_version(other, in->settings) &&
           other->check(in).outcome == RULE_NOT_APPLICABLE;
}

static void add_fault(const struct rule *rule, const struct rule_input *in, size_t i,
                      struct strbuf *text)
{
    static const char *const subjects[] = {
        [RULE_POD] = "pod", [RULE_SERVICE] = "service", [RULE_NAMESPACE] = "namespace"};

    if (i == RULE_POD_ITSELF) {
        strbuf_addf(text, "%s: ", subjects[rule->subject]);
    } else {
        strbuf_adds(text, "container ");
        pod_rule_add_value(text, in->pod->containers[i].name);
        strbuf_adds(text, ": ");
    }
    if (rule->describe)
        rule->describe(in, i, text);
    else
        strbuf_addf(text, "not so: %s", rule->title);
    strbuf_adds(text, "; ");
}

static void explain_failure(const struct rule *rule, const struct rule_input *in,
                            const struct rule_answer *answer, struct strbuf *text)
{
    size_t count = 0;

    for (uint64_t left = answer->containers; left; left &= left - 1)
        if (count++ < RULE_SHOWN_MAX)
            add_fault(rule, in, (size_t)__builtin_ctzll(left), text);
    if (count > RULE_SHOWN_MAX)
        strbuf_addf(text, "and %zu more containers; ", count - RULE_SHOWN_MAX);
    if (answer->is_about_pod)
        add_fault(rule, in, RULE_POD_ITSELF, text);
    strbuf_adds(text, rule->remedy);
}

const char *rule_severity_name(enum rule_severity severity)
{
    static const char *const names[] = {
        [SEVERITY_LOW] = "low",
        [SEVERITY_MEDIUM] = "medium",
        [SEVERITY_HIGH] = "high",
        [SEVERITY_CRITICAL] = "critical",
    };

    return names[severity];
}

const char *rule_level_name(enum rule_level level)
{
    static const char *const names[] = {
        [LEVEL_PRIVILEGED] = "privileged",
        [LEVEL_BASELINE] = "baseline",
        [LEVEL_RESTRICTED] = "restricted",
        [LEVEL_HARDENED] = "hardened",
    };

    return names[level];
}

const struct rule *rule_find(const char *id)
{
    const struct rule *const *place = find(id);

    return place ? *place : NULL;
}

size_t rule_index(const struct rule *rule)
{
    return (size_t)(find(rule->id) - rules);
}

struct rule_answer rule_ask(const struct rule *rule, const struct rule_input *in)
{
    if (!has_subject(rule, in) || !is_in_version(rule, in->settings))
        return (struct rule_answer){.outcome = RULE_NOT_APPLICABLE};
    if (rule->subject == RULE_POD && in->pod->unreadable)
        return (struct rule_answer){.outcome = RULE_ERROR};
    if (is_waived(rule, in))
        return (struct rule_answer){.outcome = RULE_NOT_APPLICABLE};
    return rule->check(in);
}

bool rule_is_required(const struct rule *rule, const struct rule_settings *settings)
{
    return rule->level <= settings->level && rule->level <= LEVEL_RESTRICTED &&
           is_in_version(rule, settings);
}

void rule_explain(const struct rule *rule, const struct rule_input *in,
                  const struct rule_answer *answer, struct strbuf *text)
{
    if (answer->outcome == RULE_FAIL) {
        explain_failure(rule, in, answer, text);
    } else if (answer->outcome == RULE_ERROR) {
        strbuf_adds(text, "cannot be told: ");
        pod_rule_add_text(text,
                          in->pod && in->pod->unreadable ? in->pod->unreadable
                                                         : "it could not be read",
                          UNREADABLE_SHOWN_MAX);
    }
}

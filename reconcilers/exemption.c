#include "rampart/reconcilers/exemption.h"

#include <string.h>

#include "rampart/kube/decode.h"

int exceptions_of(const struct view *v, const char *ns, struct arena *a,
                  const struct exception *const **ret_exceptions, size_t *ret_count,
                  struct err *err)
{
    const struct exception **exceptions;
    struct object_list list;

    if (view_list(v, KIND_EXCEPTION, ns, a, &list, err) < 0)
        return -1;
    exceptions = arena_calloc(a, list.count, sizeof(*exceptions));
    if (!exceptions)
        return err_nomem(err);
    for (size_t i = 0; i < list.count; i++)
        exceptions[i] = OBJECT_AS(exception, list.items[i]);
    *ret_exceptions = exceptions;
    *ret_count = list.count;
    return 0;
}

static bool may_be_exempted(const struct rule *rule, const struct workloads_section *section)
{
    for (size_t i = 0; i < section->rules_count; i++) {
        if (strcmp(section->rules[i].id, rule->id) == 0)
            return section->rules[i].is_exemptible;
    }
    return true;
}

/* Whether it is in force and about this rule of this subject; of which parts is another question.
 */
static bool applies(const struct exception *e, const struct rule *rule,
                    const struct exempt_subject *subject, int64_t now_s)
{
    return !e->invalid && !e->object.is_deleting && now_s < e->expires_s &&
           texts_have(e->rules, e->rules_count, rule->id) &&
           (e->names_count == 0 || texts_have(e->names, e->names_count, subject->name)) &&
           (!e->has_selector || selector_matches(&e->selector, subject->labels));
}

/* The failing containers that the exception names. */
static uint64_t named_by(const struct exception *e, uint64_t containers,
                         const struct pod_template *pod)
{
    uint64_t named = 0;

    for (size_t i = 0; pod && i < pod->containers_count; i++) {
        uint64_t bit = UINT64_C(1) << i;

        if ((containers & bit) != 0 &&
            texts_have(e->containers, e->containers_count, pod->containers[i].name))
            named |= bit;
    }
    return named;
}

struct rule_answer exempt(const struct rule *rule, const struct rule_answer *answer,
                          const struct exempt_subject *subject,
                          const struct exception *const *exceptions, size_t exceptions_count,
                          const struct workloads_section *section, int64_t now_s,
                          int64_t *ret_until_s)
{
    struct rule_answer left = *answer;

    *ret_until_s = INT64_MAX;
    if (answer->outcome != RULE_FAIL)
        return left;
    /* A failure that names no part is one of the whole: nothing of it may be taken for exempt. */
    left.is_about_pod = answer->is_about_pod || answer->containers == 0;
    if (!may_be_exempted(rule, section))
        return left;
    for (size_t i = 0; i < exceptions_count; i++) {
        const struct exception *e = exceptions[i];
        bool is_whole = e->containers_count == 0;
        uint64_t covered;

        if (!applies(e, rule, subject, now_s))
            continue;
        covered = is_whole ? answer->containers : named_by(e, answer->containers, subject->pod);
        if (!is_whole && covered == 0)
            continue;
        left.containers &= ~covered;
        left.is_about_pod = left.is_about_pod && !is_whole;
        if (e->expires_s < *ret_until_s)
            *ret_until_s = e->expires_s;
    }
    return left;
}

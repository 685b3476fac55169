/* Exceptions as fills see them: the rule that a fill mends is the one that it may be exempted from.
 */
#include <string.h>

#include "harden_pass.h"
#include "rampart/reconcilers/exemption.h"

/* The bit of enum resource_flag that the rule asks for. */
static unsigned resource_bit(const struct rule *rule)
{
    static const char *const ids[FILL_RESOURCE_FLAGS_COUNT] = {"cpu-request", "memory-request",
                                                               "cpu-limit", "memory-limit"};
    unsigned bit = 0;

    while (bit + 1 < FILL_RESOURCE_FLAGS_COUNT && strcmp(ids[bit], rule->id) != 0)
        bit++;
    return bit;
}

int harden_exempt(const struct harden_pass *p, struct fill_exempt *ret_exempt, int64_t *ret_until_s,
                  struct err *err)
{
    const struct workload_facts *w = p->w;
    const struct exempt_subject subject = {w->object.name, &w->pod.labels, &w->pod};
    /* Asked of all its parts: what is exempted does not hang on what is stated today. */
    uint64_t all = w->pod.containers_count ? UINT64_MAX >> (64 - w->pod.containers_count) : 0;
    const struct rule_answer fails = {RULE_FAIL, true, all};
    const struct exception *const *exceptions;
    struct fill_exempt found = {.fields = {0}};
    int64_t until_s = INT64_MAX;
    size_t count;

    if (exceptions_of(p->view, w->object.ns, p->a, &exceptions, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < rules_count; i++) {
        const struct rule *rule = rules[i];
        struct rule_answer left;
        uint64_t *set = &found.fields[rule->fix];
        int64_t expires_s;

        if (rule->fix == FILL_NONE)
            continue;
        if (rule->fix == FILL_RESOURCES)
            set = &found.resources[resource_bit(rule)];
        left = exempt(rule, &fails, &subject, exceptions, count, p->section, p->now_s, &expires_s);
        *set |= all & ~left.containers;
        if (expires_s < until_s)
            until_s = expires_s;
    }
    *ret_exempt = found;
    *ret_until_s = until_s;
    return 0;
}

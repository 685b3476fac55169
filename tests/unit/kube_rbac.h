/* Rules of RBAC in short, for the tests. */
#ifndef RAMPART_TESTS_KUBE_RBAC_H
#define RAMPART_TESTS_KUBE_RBAC_H

#include "kube_fixture.h"

#include "rampart/kube/rbac_rule.h"

/* Decodes a JSON list of rules written with ' for ", and must succeed. */
static inline struct rbac_rules rules_of(const char *text, struct arena *a)
{
    struct rbac_rules rules = {0};
    struct err err = {0};
    json_t *list = json_of(text);
    json_t *owner = json_object();

    json_object_set_new(owner, "rules", list);
    if (rbac_rules_decode(owner, "rules", &rbac_limits_server, a, &rules, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    json_decref(owner);
    return rules;
}

/* All of them as RBAC prints them. */
static inline const char *words_of(const struct rbac_rules *rules, struct arena *a)
{
    const char *words = rbac_rules_describe(rules, 1000, 100000, a);

    assert_non_null(words);
    return words;
}

#endif

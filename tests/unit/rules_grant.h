/* Grants, roles and what else access rules are asked about. */
#ifndef RAMPART_TESTS_RULES_GRANT_H
#define RAMPART_TESTS_RULES_GRANT_H

#include "support/unit.h"

#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/access_rule.h"

static inline const struct access_rule *access_rule_named(const char *id)
{
    const struct access_rule *rule = access_rule_find(id);

    if (!rule)
        fail_msg("there is no rule %s", id);
    return rule;
}

/* @text: the rules of a role, as JSON with ' in place of ". */
static inline struct rbac_rules rules_read(const char *text, struct arena *a)
{
    struct rbac_rules read = {0};
    struct err err = {0};
    char whole[2048];
    json_t *root;

    (void)snprintf(whole, sizeof(whole), "{'rules':[%s]}", text);
    for (char *c = whole; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    root = json_decode(whole, strlen(whole), &err);
    if (!root || rbac_rules_decode(root, "rules", &rbac_limits_server, a, &read, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    json_decref(root);
    return read;
}

static inline const char *outcome_word(enum rule_outcome outcome)
{
    static const char *const words[] = {
        [RULE_NOT_APPLICABLE] = "not applicable",
        [RULE_PASS] = "pass",
        [RULE_FAIL] = "fail",
        [RULE_ERROR] = "error",
    };

    return words[outcome];
}

static inline void assert_access(const char *id, const struct access_rule_input *in,
                                 enum rule_outcome wanted, const char *about)
{
    enum rule_outcome outcome = access_rule_ask(access_rule_named(id), in);

    if (outcome != wanted)
        fail_msg("%s, %s: %s, not %s", id, about, outcome_word(outcome), outcome_word(wanted));
}

/* Asserts what is said of the outcome, with the remedy behind a failure. */
static inline void assert_access_said(const char *id, const struct access_rule_input *in,
                                      const char *wanted)
{
    const struct access_rule *rule = access_rule_named(id);
    enum rule_outcome outcome = access_rule_ask(rule, in);
    AUTO_STRBUF text, whole;

    strbuf_init(&text, ACCESS_EXPLANATION_MAX);
    strbuf_init(&whole, ACCESS_EXPLANATION_MAX);
    access_rule_explain(rule, in, outcome, &text);
    strbuf_adds(&whole, wanted);
    if (outcome == RULE_FAIL)
        strbuf_addf(&whole, "; %s", rule->remedy);
    assert_true(strbuf_is_ok(&text));
    assert_string_equal(text.text, whole.text);
}

/* A ClusterRoleBinding "ops" of ClusterRole "ops-role" to User kim. */
static const struct access_who kim = {.type = ACCESS_USER, .ns = "", .name = "kim"};

static inline struct grant_facts grant_of(struct rbac_rules given)
{
    return (struct grant_facts){
        .is_cluster_wide = true,
        .ns = "",
        .name = "ops",
        .has_cluster_role = true,
        .role = "ops-role",
        .rules = given,
        .who = &kim,
        .who_count = 1,
    };
}

#endif
